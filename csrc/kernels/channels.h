// Pixels of one number of channels as pixels of another.
#pragma once

#include <cstdint>

namespace fastload {

// RGB to RGB and a byte of 255. Reads no more than 3 * pixels bytes.
void rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;

// One level as three equal ones and a byte of 255.
void grey_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;

}  // namespace fastload
