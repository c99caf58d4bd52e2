// One row of the last pass, by what the processor offers.
#pragma once

#include <cstdint>

#include "kernels/finish.h"

namespace fastload {

// `width` RGBX pixels to float32 by the map's arithmetic, as three planes or as pixels of three values; those are what
// Python's torch gives, one rounding after the other. Where `reversed`, the first pixel comes last.
void rgbx_to_float_planes_avx2(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                               float* const* planes) noexcept;
void rgbx_to_float_planes_avx512(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                                 float* const* planes) noexcept;

void rgbx_to_float_pixels_avx2(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                               float* out) noexcept;
void rgbx_to_float_pixels_avx512(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                                 float* out) noexcept;

// The same for one value: what the vectors have to reproduce.
float computed(const Arithmetic& arithmetic, int channel, std::uint8_t level) noexcept;

}  // namespace fastload
