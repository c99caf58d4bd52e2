// torch.rand(n, dtype=torch.float64) of a CPU generator, from any position on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/mt19937.h"

namespace fastload {

// Knows the generator's state at every so many numbers, so that no more than those are skipped to reach a position.
class UniformStream {
 public:
  // The `length` numbers that the generator gives next.
  UniformStream(const Mt19937& generator, std::uint64_t length);

  std::uint64_t length() const noexcept { return length_; }
  // The generator after all the numbers.
  const Mt19937& end() const noexcept { return end_; }

  // out[k] = number start + k * step, in [0, 1); all are below length. Reading on from the last call is quickest.
  void read(std::uint64_t start, std::uint64_t step, double* out, std::size_t count) noexcept;

 private:
  void go_to(std::uint64_t position) noexcept;

  std::uint64_t length_;
  std::uint64_t interval_;
  std::vector<Mt19937> marks_;  // before number 0, interval_, 2 * interval_, ...
  Mt19937 end_;
  Mt19937 reader_;
  std::uint64_t position_ = 0;  // of the reader
};

}  // namespace fastload
