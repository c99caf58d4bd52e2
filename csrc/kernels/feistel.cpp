// The permutation is a generalised Feistel network with cycle walking: J. Black, P. Rogaway, "Ciphers with Arbitrary
// Finite Domains", CT-RSA 2002. A position is a pair (left, right) with left < rows, right < columns, and
// rows * columns hardly more than the length: of 10^9 positions, 3 * 10^-5 have to walk.
#include "kernels/feistel.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/counter_random.h"

namespace fastload {
namespace {

// Luby and Rackoff prove four rounds enough for ideal round functions; these are cheap ones.
constexpr int kRounds = 8;
// Up to here the whole permutation is shuffled: a network of so few positions would favour some orders.
constexpr std::uint64_t kSmall = 256;
constexpr std::size_t kLanes = 4;  // 20 ns an index with one, 12 with four, 14 with eight

// A number below range from a 64-bit one; no two differ in probability by more than 2^-64.
inline std::uint64_t scaled(std::uint64_t number, std::uint64_t range) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(number) * range) >> 64);
}

// mix64 without its last step, which leaves the high bits as they are: those decide where `scaled` goes.
inline std::uint64_t hashed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  return (x ^ (x >> 27)) * 0x94d049bb133111ebu;
}

inline std::uint64_t rotated(std::uint64_t value, std::uint64_t by, std::uint64_t range) {
  const std::uint64_t sum = value + by;
  return sum < range ? sum : sum - range;
}

struct Pair {
  std::uint64_t left, right;
};

class Network {
 public:
  Network(std::uint64_t length, const CounterRandom& random) : length_(length) {
    rows_ = static_cast<std::uint64_t>(std::ceil(std::sqrt(static_cast<double>(length))));
    columns_ = (length + rows_ - 1) / rows_;
    for (int round = 0; round < kRounds; ++round) keys_[round] = random.word(static_cast<std::uint64_t>(round));
  }

  Pair split(std::uint64_t position) const { return {position / columns_, position % columns_}; }

  Pair sum(Pair a, Pair b) const {
    const std::uint64_t right = a.right + b.right;
    const bool carry = right >= columns_;
    return {a.left + b.left + carry, carry ? right - columns_ : right};
  }

  // at[k] becomes the pair that the network makes of it. Several at once, since each is a chain of multiplications.
  template <std::size_t lanes>
  void scramble(std::array<Pair, lanes>& at) const {
    for (int round = 0; round < kRounds; round += 2) {
      for (Pair& pair : at) pair.left = rotated(pair.left, scaled(hashed(pair.right + keys_[round]), rows_), rows_);
      for (Pair& pair : at) {
        pair.right = rotated(pair.right, scaled(hashed(pair.left + keys_[round + 1]), columns_), columns_);
      }
    }
  }

  // The index of a scrambled pair; scrambled again until it is one.
  std::uint64_t index_of(Pair scrambled) const {
    for (;;) {
      const std::uint64_t index = scrambled.left * columns_ + scrambled.right;
      if (index < length_) return index;
      std::array<Pair, 1> again{scrambled};
      scramble(again);
      scrambled = again[0];
    }
  }

 private:
  std::uint64_t length_;
  std::uint64_t rows_;
  std::uint64_t columns_;
  std::array<std::uint64_t, kRounds> keys_;
};

// All positions lie in one pass.
void permute_small(std::uint64_t length, const CounterRandom& random, std::uint64_t start, std::uint64_t step,
                   std::size_t count, std::int64_t* out) {
  std::array<std::uint8_t, kSmall> order;
  for (std::uint64_t i = 0; i < length; ++i) order[i] = static_cast<std::uint8_t>(i);
  for (std::uint64_t i = 0; i + 1 < length; ++i) std::swap(order[i], order[i + scaled(random.word(i), length - i)]);
  for (std::size_t k = 0; k < count; ++k) out[k] = order[start + k * step];
}

void permute(std::uint64_t length, const CounterRandom& random, std::uint64_t start, std::uint64_t step,
             std::size_t count, std::int64_t* out) {
  const Network network(length, random);
  const Pair stride = network.split(step);
  Pair at = network.split(start);
  std::array<Pair, kLanes> pairs{};
  for (std::size_t done = 0; done < count; done += kLanes) {
    const std::size_t lanes = std::min(kLanes, count - done);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      pairs[lane] = at;
      at = network.sum(at, stride);
    }
    network.scramble(pairs);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      out[done + lane] = static_cast<std::int64_t>(network.index_of(pairs[lane]));
    }
  }
}

}  // namespace

void keyed_permutation(std::uint64_t length, std::uint64_t key, std::uint64_t start, std::uint64_t step,
                       std::size_t count, std::int64_t* out) noexcept {
  const CounterRandom keys(key);
  while (count != 0) {
    const std::uint64_t pass = start / length, first = start % length;
    const std::uint64_t room = (length - first + step - 1) / step;  // positions of ours that lie in this pass
    const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(count, room));
    const CounterRandom random(keys.word(pass));
    (length <= kSmall ? permute_small : permute)(length, random, first, step, run, out);
    start += run * step;
    out += run;
    count -= run;
  }
}

void keyed_draws(std::uint64_t length, std::uint64_t key, std::uint64_t start, std::uint64_t step, std::size_t count,
                 std::int64_t* out) noexcept {
  const CounterRandom random(key);
  for (std::size_t k = 0; k < count; ++k) {
    out[k] = static_cast<std::int64_t>(scaled(random.word(start + k * step), length));
  }
}

}  // namespace fastload
