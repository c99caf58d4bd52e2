// How much light a colour has: ITU-R 601-2 in the fixed point of Pillow's convert("L").
#pragma once

#include <cstdint>

namespace fastload {

constexpr std::uint32_t kLuminance[3] = {19595, 38470, 7471};  // of red, green and blue, in parts of 2^16

// A factor of 16 bits with a sign holds half of green's weight, and not the whole.
constexpr int kHalfOfGreen = kLuminance[1] / 2;

inline std::uint8_t luminance(std::uint8_t red, std::uint8_t green, std::uint8_t blue) noexcept {
  const std::uint32_t sum = kLuminance[0] * red + kLuminance[1] * green + kLuminance[2] * blue;
  return static_cast<std::uint8_t>((sum + 0x8000u) >> 16);
}

// Of pixels of 4 bytes, RGB and one more. `out` may be `in`.
void rgbx_to_grey(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept;

}  // namespace fastload
