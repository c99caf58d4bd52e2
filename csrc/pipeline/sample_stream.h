// Random numbers of one sample: a function of (seed, epoch, dataset index) and of nothing else.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/counter_random.h"

namespace fastload {

// A hash of the numbers so far and one more; each bit depends on all of them. fastload._seeding.mix64 is the same.
inline std::uint64_t mix_in(std::uint64_t state, std::uint64_t value) noexcept {
  return mix64(state + value + 0x9e3779b97f4a7c15u);
}

// The key of a sample: fastload._seeding.mix64(seed, epoch, index).
inline std::uint64_t sample_key(std::uint64_t seed, std::uint64_t epoch, std::uint64_t index) noexcept {
  return mix_in(mix_in(mix_in(0x9e3779b97f4a7c15u, seed), epoch), index);
}

// What one step of a program draws under a sample's key. Every step has a stream of its own, so that adding, removing
// or splitting off another one changes nothing here.
class StepRandom {
 public:
  StepRandom(std::uint64_t key, std::uint64_t stream) noexcept : words_(mix_in(key, stream)) {}

  double uniform() noexcept { return words_.uniform(drawn_++); }  // in [0, 1)
  double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }

  std::uint64_t word() noexcept { return words_.word(drawn_++); }

  // In [0, count), count in [1, 2^31): the bias of at most count / 2^53 is beyond any test.
  int below(int count) noexcept { return static_cast<int>(uniform() * count); }

 private:
  CounterRandom words_;
  std::uint64_t drawn_ = 0;
};

}  // namespace fastload
