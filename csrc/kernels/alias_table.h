// Draws with replacement from any number of weights, each in constant time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastload {

// The alias method (Walker 1977), with a table that is built in linear time (Vose, "A linear algorithm for generating
// random numbers with a given distribution", IEEE Trans. Software Eng. 17, 1991). The columns are filled in one sweep
// of two pointers over the weights (Huebschle-Schneider and Sanders, "Parallel weighted random sampling", ACM Trans.
// Math. Software 48, 2022), which needs no memory but the table: 12 bytes a weight.
//
// Vose's columns left over by rounding do not exist here, since the sweep adds and compares integers: weights are
// taken as multiples of 2^-93 of the power of two below the largest, so all that are above 2^-41 of it are exact.
// Each column's share is then rounded, by no more than 2^-50 of itself.
class AliasTable {
 public:
  static constexpr std::size_t kMostWeights = std::size_t{1} << 32;

  // weights: finite, none negative, one positive at least, at most kMostWeights. Not kept.
  AliasTable(const double* weights, std::size_t count);

  std::size_t size() const noexcept { return columns_.size(); }

  // out[k] = draw number start + k * step of key's sequence.
  void draw(std::uint64_t key, std::uint64_t start, std::uint64_t step, std::int64_t* out,
            std::size_t count) const noexcept;

 private:
  // The share of the column's own index in units of 2^-64, in two halves: no padding. The rest is the alias's.
  struct Column {
    std::uint32_t share_low, share_high, alias;
  };

  void set(std::size_t column, double share, std::size_t alias) noexcept;

  std::vector<Column> columns_;
};

}  // namespace fastload
