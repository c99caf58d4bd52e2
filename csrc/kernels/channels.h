// Pixels of one number of channels as pixels of another.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

// RGB to RGB and a byte of 255. Reads no more than 3 * pixels bytes.
void rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;

// RGB to three times its luminance.
void rgb_to_grey_rgb(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;

// One level as three equal ones and a byte of 255.
void grey_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;

// A row of `width` RGBX pixels as RGB, or as three planes; the last pixel first where `reversed`.
void rgbx_to_rgb(const std::uint8_t* in, int width, bool reversed, std::uint8_t* out) noexcept;
void rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept;

// A row of pixels of 1 or 4 bytes as they are; and of 3.
void copy_row(const std::uint8_t* in, int width, int bytes, bool reversed, std::uint8_t* out) noexcept;

void copy_rgb(const std::uint8_t* in, int width, bool reversed, std::uint8_t* out) noexcept;

// How many pixels were done, from the first on; the rest is left.
namespace avx2 {
int rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;
int rgb_to_grey_rgb(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;
int rgbx_to_rgb(const std::uint8_t* in, int width, bool reversed, std::uint8_t* out) noexcept;
int rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept;
int reversed_rgb(const std::uint8_t* in, int width, std::uint8_t* out) noexcept;
void copy_bytes(const std::uint8_t* in, std::ptrdiff_t count, std::uint8_t* out) noexcept;
}  // namespace avx2

namespace avx512 {
void rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;  // all pixels
int rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept;
int reversed_rgb(const std::uint8_t* in, int width, std::uint8_t* out) noexcept;
}  // namespace avx512

}  // namespace fastload
