#include "kernels/few_taps.h"

#include "core/cpu.h"

namespace fastload {

bool FewTaps::suits(const AxisWeights& weights) noexcept {
  constexpr int kTaps = 4, kOutputs = 4;
  constexpr int kMostBits = 14;  // then no weight is too large for a signed byte of high ones
  return simd() == Simd::kAvx512 && !weights.copies() && !weights.is_wide() && weights.taps() <= kTaps &&
         weights.bits() <= kMostBits && weights.outputs() >= kOutputs;
}

#if !defined(__x86_64__)
// suits() nothing here.
void FewTaps::make(const AxisWeights&, int) {}
void FewTaps::run(const std::uint8_t* const*, int, std::uint8_t* const*) const noexcept {}
#endif

}  // namespace fastload
