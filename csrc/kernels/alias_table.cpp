#include "kernels/alias_table.h"

#include <algorithm>
#include <bit>

#include "kernels/counter_random.h"

namespace fastload {
namespace {

using Wide = unsigned __int128;
constexpr double kTwoTo64 = 18446744073709551616.0;

// A weight is mantissa * 2^(exponent - 1075).
struct Parts {
  std::uint64_t mantissa;
  int exponent;
};

Parts parts_of(double weight) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(weight);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);  // without the sign, which a zero may have
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  return exponent == 0 ? Parts{fraction, 1} : Parts{fraction | std::uint64_t{1} << 52, exponent};
}

// Weights as integers below 2^94, times their number: a column holds the sum of the integers, and all columns
// together hold exactly all of them. With 2^32 weights nothing exceeds 2^127.
class Masses {
 public:
  Masses(const double* weights, std::size_t count) : weights_(weights), count_(count) {
    largest_exponent_ = parts_of(*std::max_element(weights, weights + count)).exponent;
    for (std::size_t k = 0; k < count; ++k) column_ += integer(k);
    per_unit_ = 1 / approximately(column_);
  }

  Wide column() const noexcept { return column_; }
  Wide mass(std::size_t k) const noexcept { return integer(k) * count_; }
  double share(Wide mass) const noexcept { return approximately(mass) * per_unit_; }

  std::size_t next_light(std::size_t k) const noexcept {
    while (k < count_ && mass(k) > column_) ++k;
    return k;
  }
  std::size_t next_heavy(std::size_t k) const noexcept {
    while (k < count_ && mass(k) <= column_) ++k;
    return k;
  }

 private:
  static constexpr int kLargestShift = 41;

  // Twice as fast as the compiler's own conversion; rounded twice.
  static double approximately(Wide value) noexcept {
    return static_cast<double>(static_cast<std::uint64_t>(value >> 64)) * kTwoTo64 +
           static_cast<double>(static_cast<std::uint64_t>(value));
  }

  Wide integer(std::size_t k) const noexcept {
    const Parts parts = parts_of(weights_[k]);
    const int shift = parts.exponent - largest_exponent_ + kLargestShift;
    if (shift >= 0) return Wide{parts.mantissa} << shift;
    return shift > -64 ? parts.mantissa >> -shift : 0;
  }

  const double* weights_;
  std::size_t count_;
  int largest_exponent_;
  Wide column_ = 0;
  double per_unit_ = 0;
};

constexpr std::size_t kBatch = 32;  // draws whose columns are asked for from memory at the same time

}  // namespace

AliasTable::AliasTable(const double* weights, std::size_t count) : columns_(count) {
  const Masses masses(weights, count);
  const Wide full = masses.column();
  std::size_t light = masses.next_light(0), heavy = masses.next_heavy(0);
  Wide rest = heavy < count ? masses.mass(heavy) : 0;  // what the heavy one has not given away
  while (heavy < count) {
    if (rest > full) {
      const Wide mass = masses.mass(light);
      set(light, masses.share(mass), heavy);
      rest -= full - mass;
      light = masses.next_light(light + 1);
    } else {
      const std::size_t next = masses.next_heavy(heavy + 1);
      set(heavy, masses.share(rest), next < count ? next : heavy);
      if (next < count) rest = masses.mass(next) - (full - rest);
      heavy = next;
    }
  }
  // Whatever is left is as much as the columns that are left hold, and none has more than one column: all are full.
  for (; light < count; light = masses.next_light(light + 1)) set(light, 1, light);
}

void AliasTable::set(std::size_t column, double share, std::size_t alias) noexcept {
  const double scaled = share * kTwoTo64;
  const std::uint64_t units = scaled < kTwoTo64 ? static_cast<std::uint64_t>(scaled) : ~std::uint64_t{0};
  columns_[column] = {static_cast<std::uint32_t>(units), static_cast<std::uint32_t>(units >> 32),
                      static_cast<std::uint32_t>(alias)};
}

void AliasTable::draw(std::uint64_t key, std::uint64_t start, std::uint64_t step, std::int64_t* out,
                      std::size_t count) const noexcept {
  const CounterRandom random(key);
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    const std::size_t end = std::min(begin + kBatch, count);
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint64_t word = random.word(2 * (start + k * step));
      out[k] = static_cast<std::int64_t>(Wide{word} * columns_.size() >> 64);
      __builtin_prefetch(&columns_[static_cast<std::size_t>(out[k])]);
    }
    for (std::size_t k = begin; k < end; ++k) {
      const Column& column = columns_[static_cast<std::size_t>(out[k])];
      const std::uint64_t share = std::uint64_t{column.share_high} << 32 | column.share_low;
      if (random.word(2 * (start + k * step) + 1) >= share) out[k] = column.alias;
    }
  }
}

}  // namespace fastload
