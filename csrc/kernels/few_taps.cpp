#include "kernels/few_taps.h"

#include "core/cpu.h"

namespace fastload {
namespace {

constexpr int kTaps = 4, kOutputs = 4;
constexpr int kMostBits = 14;  // then no weight is too large for a signed byte of high ones

// Whether the taps of any four outputs are among 64 bytes: without antialiasing, they may lie far apart.
bool lie_close(const AxisWeights& weights) noexcept {
  constexpr int kPixels = 64 / 4;
  for (int o = 0; o + kOutputs <= weights.outputs(); ++o) {
    if (weights.first(o + kOutputs - 1) - weights.first(o) + kTaps > kPixels) return false;
  }
  return true;
}

}  // namespace

bool FewTaps::suits(const AxisWeights& weights) noexcept {
  return simd() == Simd::kAvx512 && !weights.copies() && !weights.is_wide() && weights.taps() <= kTaps &&
         weights.bits() <= kMostBits && weights.outputs() >= kOutputs && lie_close(weights);
}

#if !defined(__x86_64__)
// suits() nothing here.
void FewTaps::make(const AxisWeights&, int) {}
void FewTaps::run(const std::uint8_t* const*, int, std::uint8_t* const*) const noexcept {}
#endif

}  // namespace fastload
