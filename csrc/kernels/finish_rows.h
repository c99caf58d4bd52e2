// One row of the last pass, by what the processor offers.
#pragma once

#include <cstdint>

#include "kernels/finish.h"

namespace fastload {

// `width` RGBX pixels to float32 by the map's arithmetic, as three planes or as pixels of three values; those are what
// Python's torch gives, one rounding after the other. Where `reversed`, the first pixel comes last. streamed: past the
// caches, if what is written begins and ends with a vector; end_rows() is to follow. False, and nothing is done, if there
// are not enough pixels for a vector.
namespace avx2 {
bool rgbx_to_float_planes(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                          float* const* planes, bool streamed) noexcept;
bool rgbx_to_float_pixels(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                          float* out, bool streamed) noexcept;
}  // namespace avx2

namespace avx512 {
bool rgbx_to_float_planes(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                          float* const* planes, bool streamed) noexcept;
bool rgbx_to_float_pixels(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                          float* out, bool streamed) noexcept;
}  // namespace avx512

}  // namespace fastload
