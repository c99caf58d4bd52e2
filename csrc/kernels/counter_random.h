// Random words by position: no state, so that any part of a sequence can be had without what comes before it.
#pragma once

#include <cstdint>

namespace fastload {

// The finaliser of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
// with the constants of Stafford's variant 13.
inline std::uint64_t mix64(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// The sequence of one key: word k is SplitMix64's output number k after its state was set to the mixed key.
class CounterRandom {
 public:
  explicit CounterRandom(std::uint64_t key) noexcept : start_(mix64(key + kStep)) {}
  std::uint64_t word(std::uint64_t position) const noexcept { return mix64(start_ + (position + 1) * kStep); }

  // In [0, 1), a multiple of 2^-53.
  double uniform(std::uint64_t position) const noexcept {
    return static_cast<double>(word(position) >> 11) * (1.0 / 9007199254740992.0);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;
  std::uint64_t start_;
};

}  // namespace fastload
