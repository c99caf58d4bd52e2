// The loops of filters, by what the processor offers: see filter_loops.inl.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

// One row of what is added up, and how much of it.
struct ByteTap {
  const std::uint8_t* levels;
  std::uint16_t weight;  // in 1 / 256
};
struct WordTap {
  const std::uint16_t* values;  // in 1 / 256 of a level
  std::uint16_t weight;         // in 1 / 65536
};

// sum / 13 for sums of 13 levels, as a product.
constexpr unsigned kThirteenth = 5042;
constexpr unsigned thirteenth(unsigned sum) noexcept { return (sum * kThirteenth) >> 16; }

namespace avx2 {

// Each does a part of the row, from the first byte on, and says how much.
int add_bytes(const ByteTap* taps, int tap_count, int count, std::uint16_t* sums) noexcept;
int add_words(const WordTap* taps, int tap_count, int count, std::uint8_t* levels) noexcept;
int sharpen_row(const std::uint8_t* const rows[3], int count, int step, float factor, std::uint8_t* out) noexcept;

void spread_row(const std::uint8_t* levels, int count, std::uint16_t* values) noexcept;
void add_noise_row(std::uint8_t* levels, const std::uint8_t* noise, int count, float scale, float mean) noexcept;

}  // namespace avx2
}  // namespace fastload
