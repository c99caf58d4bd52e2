#include "core/cpu.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>

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

std::size_t streamed_bytes_of_this() noexcept {
#if defined(__x86_64__) && defined(_SC_LEVEL2_CACHE_SIZE)
  const long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
  __builtin_cpu_init();
  if (cache > 0 && __builtin_cpu_is("intel")) return static_cast<std::size_t>(cache);
#endif
  return std::numeric_limits<std::size_t>::max();
}

std::atomic<Simd> current{found()};

}  // namespace

Simd simd() noexcept { return current.load(std::memory_order_relaxed); }

void limit_simd(Simd most) noexcept { current.store(std::min(most, found()), std::memory_order_relaxed); }

std::size_t streamed_bytes() noexcept {
  static const std::size_t bytes = streamed_bytes_of_this();
  return bytes;
}

}  // namespace fastload
