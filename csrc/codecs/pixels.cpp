#include "codecs/pixels.h"

namespace fastload {
namespace {

// a * b / 255, rounded.
constexpr int scaled(int a, int b) noexcept {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

}  // namespace

void rgb_from_cmyk(const std::uint8_t* cmyk, int pixels, int bytes_per_pixel, std::uint8_t* rgb) noexcept {
  for (int x = 0; x < pixels; ++x) {
    const int black = cmyk[4 * x + 3];  // inverted, as the others: 255 is none
    const int red = black - scaled(255 - cmyk[4 * x], black);
    const int green = black - scaled(255 - cmyk[4 * x + 1], black);
    const int blue = black - scaled(255 - cmyk[4 * x + 2], black);
    std::uint8_t* out = rgb + bytes_per_pixel * x;
    out[0] = static_cast<std::uint8_t>(red);
    out[1] = static_cast<std::uint8_t>(green);
    out[2] = static_cast<std::uint8_t>(blue);
    if (bytes_per_pixel == 4) out[3] = 255;
  }
}

}  // namespace fastload
