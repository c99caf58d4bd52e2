#include "core/cpu.h"

#include <algorithm>
#include <atomic>

namespace fastload {
namespace {

Simd found() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  if (!has_avx2) return Simd::kScalar;
  const bool has_all = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
  return has_all ? Simd::kAvx512 : Simd::kAvx2;
#else
  return Simd::kScalar;
#endif
}

std::atomic<Simd> current{found()};

}  // namespace

Simd simd() noexcept { return current.load(std::memory_order_relaxed); }

void limit_simd(Simd most) noexcept { current.store(std::min(most, found()), std::memory_order_relaxed); }

}  // namespace fastload
