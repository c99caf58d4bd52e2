// Draws with replacement from weights that change one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastload {

// A tree of sums with 16 children a node. A change sums the nodes above it anew, in a fixed order, so the tree is a
// function of the weights it holds: after any number of changes no rounding has gathered.
// A change and a draw each take a number of steps that grows with the logarithm of the number of weights.
// 8.6 bytes a weight.
class WeightTree {
 public:
  // weights: finite, none negative.
  WeightTree(const double* weights, std::size_t count);

  std::size_t size() const noexcept { return size_; }
  double total() const noexcept { return total_; }

  // weights[k] becomes the weight of indices[k] (in [0, size)), in order: of equal indices the last one counts.
  void update(const std::int64_t* indices, const double* weights, std::size_t count) noexcept;

  // out[k] = the index at uniforms[k] (in [0, 1)) of the total, which must be positive and finite.
  // An index of weight zero is never found.
  void find(const double* uniforms, std::int64_t* out, std::size_t count) const noexcept;

 private:
  void sum_up(std::size_t level, std::size_t node) noexcept;
  void sum_all() noexcept;

  std::size_t size_;
  std::vector<std::vector<double>> levels_;  // the weights, then sums of 16 each, up to a level of 16 or fewer
  double total_ = 0;
};

}  // namespace fastload
