#include "kernels/inverse_cdf.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fastload {
namespace {

constexpr std::size_t kBatch = 32;  // searches whose memory is asked for at the same time

}  // namespace

InverseCdf::InverseCdf(const double* weights, std::size_t count) : shares_(count) {
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    sum += weights[k];
    shares_[k] = sum;
  }
  valid_ = sum > 0 && std::isfinite(sum);
  if (!valid_) return;
  for (double& share : shares_) share /= sum;
  shares_.back() = 1;
  // A power of two: its products with numbers of 53 bits are exact.
  const std::size_t parts = std::bit_floor(count);
  guide_.resize(parts + 1);
  std::size_t index = 0;
  for (std::size_t part = 0; part <= parts; ++part) {
    const double bound = static_cast<double>(part) / static_cast<double>(parts);
    while (shares_[index] < bound) ++index;
    guide_[part] = static_cast<std::uint32_t>(index);
  }
}

void InverseCdf::find(const double* uniforms, std::int64_t* out, std::size_t count) const noexcept {
  const auto parts = static_cast<double>(guide_.size() - 1);
  std::size_t part[kBatch];
  std::size_t first[kBatch];
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    const std::size_t batch = std::min(kBatch, count - begin);
    for (std::size_t k = 0; k < batch; ++k) {
      part[k] = static_cast<std::size_t>(uniforms[begin + k] * parts);
      __builtin_prefetch(&guide_[part[k]]);
    }
    for (std::size_t k = 0; k < batch; ++k) {
      first[k] = guide_[part[k]];
      __builtin_prefetch(&shares_[first[k]]);
    }
    for (std::size_t k = 0; k < batch; ++k) {
      const auto from = shares_.begin() + static_cast<std::ptrdiff_t>(first[k]);
      const auto to = shares_.begin() + guide_[part[k] + 1];
      out[begin + k] = std::lower_bound(from, to, uniforms[begin + k]) - shares_.begin();
    }
  }
}

}  // namespace fastload
