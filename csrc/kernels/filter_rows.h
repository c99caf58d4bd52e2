// The loops of filters for AVX2: see filter_loops.inl.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload::avx2 {

void add_row(std::uint16_t* sums, const std::uint8_t* levels, int count, unsigned weight) noexcept;
void add_shifted(std::uint16_t* sums, const std::uint16_t* values, int count, unsigned weight) noexcept;
void round_row(const std::uint16_t* sums, int count, std::uint8_t* levels) noexcept;
void sharpen_row(const std::uint8_t* const rows[3], int count, int step, float factor, std::uint8_t* out) noexcept;
void add_weighted(float* sums, const std::uint8_t* levels, int count, float weight) noexcept;
void add_noise_row(std::uint8_t* levels, const std::uint8_t* noise, int count, float scale, float mean) noexcept;

}  // namespace fastload::avx2
