#include "kernels/few_taps.h"

#include "core/cpu.h"

namespace fastload {
namespace {

constexpr int kTaps = 4;
constexpr int kMostBits = 14;  // then no weight is too large for a signed byte of high ones

// Whether there are so many outputs, and all taps of as many side by side are among so many pixels: without antialiasing,
// they may lie far apart.
bool lie_close(const AxisWeights& weights, int outputs, int pixels) noexcept {
  for (int o = 0; o + outputs <= weights.outputs(); ++o) {
    if (weights.first(o + outputs - 1) - weights.first(o) + kTaps > pixels) return false;
  }
  return weights.outputs() >= outputs;
}

}  // namespace

bool FewTaps::suits(const AxisWeights& weights, int channels) noexcept {
  if (weights.copies() || weights.is_wide() || weights.taps() > kTaps || weights.bits() > kMostBits) return false;
  switch (simd()) {
    case Simd::kAvx512: return channels == 1 ? lie_close(weights, 16, 64) : lie_close(weights, 4, 64 / 4);
    case Simd::kAvx2: return channels == 1 && weights.outputs() >= 16 && lie_close(weights, 8, 16);
    default: return false;
  }
}

void FewTaps::make([[maybe_unused]] const AxisWeights& weights, [[maybe_unused]] int channels) {
  outputs_ = weights.outputs();
  bits_ = weights.bits();
  is_grey_ = channels == 1;
  two_ = weights.taps() <= 2;
  sums_.clear();
  greys_.clear();
#if defined(__x86_64__)
  simd() == Simd::kAvx512 ? make_avx512(weights, channels) : make_avx2(weights);
#endif
}

void FewTaps::run(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept {
#if defined(__x86_64__)
  greys_.empty() ? run_avx512(in, count, out) : run_avx2(in, count, out);
#endif
}

}  // namespace fastload
