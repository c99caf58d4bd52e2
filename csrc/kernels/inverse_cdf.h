// torch.multinomial's draws with replacement on a CPU, from the uniform numbers that it would draw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastload {

// A number u is answered by the first index whose cumulated share of the weights is at least u. The shares are
// torch's to the last bit: a running sum, divided by its end, with the last one set to 1.
// A guide table (Chen and Asau, "On generating random variates from an empirical distribution", AIIE Trans. 6, 1974)
// says between which two indices the answers to [g / G, (g + 1) / G) lie: a search takes constant time on average.
// 12 bytes a weight at most.
class InverseCdf {
 public:
  // weights: finite, none negative, one positive at least, fewer than 2^32. Not kept.
  InverseCdf(const double* weights, std::size_t count);

  // Whether the weights have a finite sum; without one there is nothing to find.
  bool valid() const noexcept { return valid_; }
  std::size_t size() const noexcept { return shares_.size(); }

  // out[k] = the answer to uniforms[k], which is in [0, 1).
  void find(const double* uniforms, std::int64_t* out, std::size_t count) const noexcept;

 private:
  std::vector<double> shares_;
  std::vector<std::uint32_t> guide_;  // entry g is the answer to g / G; one more than G entries
  bool valid_ = false;
};

}  // namespace fastload
