// torch.randperm on the CPU, number by number, computed as far as it is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/mt19937.h"

namespace fastload {

// torch shuffles in one of two ways. Below kForwardLimit indices it swaps forwards (Fisher-Yates): position i is
// final after step i, so that the first is known at once. From there on it inserts (the "inside-out" variant), with
// 64-bit numbers: every position may change until the last step.
class Shuffle {
 public:
  static constexpr std::uint64_t kForwardLimit = 0xffffffffu / 20;

  // How many 32-bit numbers torch.randperm(length) draws.
  static std::uint64_t draws(std::uint64_t length) noexcept;
  // How much memory the shuffle of so many indices works in.
  static std::uint64_t bytes(std::uint64_t length) noexcept;

  // memory: bytes(length) zeros, aligned to 8, which outlive this. Nothing is touched before it is needed.
  Shuffle(std::uint64_t length, const Mt19937& generator, std::byte* memory) noexcept;

  std::uint64_t length() const noexcept { return length_; }
  // Makes at most max_steps steps towards the first `positions` being final; returns whether they are.
  bool advance(std::uint64_t positions, std::uint64_t max_steps) noexcept;
  // out[k] = index at position start + k * step; all of them final.
  void read(std::uint64_t start, std::uint64_t step, std::size_t count, std::int64_t* out) const noexcept;

 private:
  static constexpr std::size_t kBlock = 624;

  void draw_targets() noexcept;
  void draw_wide_targets() noexcept;
  void swap_forwards(std::size_t steps) noexcept;
  template <class Word>
  void insert(std::size_t steps) noexcept;

  std::uint64_t length_;
  Mt19937 generator_;
  std::byte* memory_;
  std::uint64_t steps_;            // how many it takes
  std::uint64_t done_ = 0;         // steps made
  std::size_t target_ = 0;         // the block's next target
  std::size_t target_end_ = 0;     // how many the block has
  std::array<std::uint64_t, kBlock> targets_;  // with which position the coming steps trade places
};

}  // namespace fastload
