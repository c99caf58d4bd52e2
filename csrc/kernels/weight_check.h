// What there is to know about weights before they are drawn from.
#pragma once

#include <cstddef>

namespace fastload {

struct WeightCheck {
  std::size_t first_bad;  // the first that is negative, infinite or no number; count if there is none
  std::size_t positive;   // how many are above zero
};

// Reads all of weights unless one is bad; the number of positive ones is then not complete.
WeightCheck check_weights(const double* weights, std::size_t count) noexcept;

}  // namespace fastload
