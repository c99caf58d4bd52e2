// One run of pixels of 4 bytes, by what the processor offers.
#pragma once

#include <cstdint>

#include "kernels/color.h"

namespace fastload::avx2 {

void mix_run(std::uint8_t* pixels, int count, const ColorMatrix& matrix) noexcept;
void saturate_run(std::uint8_t* pixels, int count, float factor) noexcept;
void shift_hsv_run(std::uint8_t* pixels, int count, const HsvShift& shift) noexcept;
std::uint32_t luminance_run(const std::uint8_t* pixels, int count) noexcept;
// The same table for all bytes.
void look_up_run(std::uint8_t* bytes, int count, const std::uint8_t* table) noexcept;

}  // namespace fastload::avx2
