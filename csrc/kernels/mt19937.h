// The 32-bit Mersenne Twister, as torch's CPU generator runs it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fastload {

// M. Matsumoto, T. Nishimura: "Mersenne Twister: A 623-dimensionally equidistributed uniform pseudo-random number
// generator", ACM TOMACS 8 (1998). Equal generators give equal numbers ever after.
class Mt19937 {
 public:
  static constexpr std::size_t kWords = 624;

  // Takes the low 32 bits of the seed, as torch does.
  explicit Mt19937(std::uint64_t seed) noexcept;

  void fill(std::uint32_t* out, std::size_t count) noexcept;
  void skip(std::uint64_t count) noexcept;  // as many numbers as that, about ten times faster than drawing them

  // torch.Generator.get_state() of a CPU generator: seed, u64; left, i32; seeded, i32; next, u64; 624 words, u64
  // each; then what normal distributions keep, which is not touched here.
  static constexpr std::size_t kTorchStateBytes = 5056;
  // Throws std::invalid_argument if the bytes are no such state.
  static Mt19937 from_torch_state(const std::byte* state, std::size_t bytes);
  // After at least one number was drawn or skipped: left, next and words.
  void write_torch_state(std::byte* state) const noexcept;

  bool operator==(const Mt19937&) const noexcept = default;

 private:
  Mt19937() noexcept = default;
  void twist() noexcept;

  std::array<std::uint32_t, kWords> words_;
  std::size_t used_ = kWords;  // how many of the words have been given out; the next number twists if all have
};

}  // namespace fastload
