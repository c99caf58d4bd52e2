// One run of pixels of 4 bytes, by what the processor offers.
#pragma once

#include <cstdint>

#include "kernels/color.h"

namespace fastload::avx2 {

void mix_run(std::uint8_t* pixels, int count, const ColorMix& mix) noexcept;
void permute_run(std::uint8_t* pixels, int count, const int order[3]) noexcept;
void saturate_run(std::uint8_t* pixels, int count, float factor) noexcept;
void shift_hsv_run(std::uint8_t* pixels, int count, const HsvShift& shift) noexcept;
std::uint32_t luminance_run(const std::uint8_t* pixels, int count) noexcept;
std::uint32_t sum_run(const std::uint8_t* bytes, int count) noexcept;
std::uint32_t colour_sum_run(const std::uint8_t* pixels, int count) noexcept;  // of three channels
void grey_run(std::uint8_t* pixels, int count) noexcept;  // saturate_run with a factor of 0

}  // namespace fastload::avx2
