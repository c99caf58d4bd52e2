// How much light a colour has: ITU-R 601-2 in the fixed point of Pillow's convert("L").
#pragma once

#include <cstdint>

namespace fastload {

inline std::uint8_t luminance(std::uint8_t red, std::uint8_t green, std::uint8_t blue) noexcept {
  return static_cast<std::uint8_t>((19595u * red + 38470u * green + 7471u * blue + 0x8000u) >> 16);
}

}  // namespace fastload
