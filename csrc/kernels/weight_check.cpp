#include "kernels/weight_check.h"

#include <algorithm>
#include <limits>

namespace fastload {
namespace {

constexpr std::size_t kBlock = 4096;

bool good(double weight) noexcept { return weight >= 0 && weight <= std::numeric_limits<double>::max(); }

}  // namespace

WeightCheck check_weights(const double* weights, std::size_t count) noexcept {
  WeightCheck check{count, 0};
  // Blocks without a way out of the loop are compiled to vector instructions.
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, count);
    std::size_t bad = 0, positive = 0;
    for (std::size_t k = begin; k < end; ++k) {
      bad += !good(weights[k]);
      positive += weights[k] > 0;
    }
    check.positive += positive;
    if (bad != 0) {
      check.first_bad = static_cast<std::size_t>(
          std::find_if(weights + begin, weights + end, [](double weight) { return !good(weight); }) - weights);
      return check;
    }
  }
  return check;
}

}  // namespace fastload
