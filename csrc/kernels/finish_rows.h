// One row of the last pass, by what the processor offers.
#pragma once

#include <cstdint>

#include "kernels/finish.h"

namespace fastload {

// `width` RGBX pixels to three planes of float32, by the map's arithmetic; the values are those of Python's torch, one
// rounding after the other. Where `reversed`, the first pixel comes last.
void rgbx_to_float_planes_avx2(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                               float* const* planes) noexcept;
void rgbx_to_float_planes_avx512(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                                 float* const* planes) noexcept;

// The same for one value: what the vectors have to reproduce.
float computed(const Arithmetic& arithmetic, int channel, std::uint8_t level) noexcept;

}  // namespace fastload
