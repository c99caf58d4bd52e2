#include "kernels/channels.h"

#include <cstring>

namespace fastload {

void rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  int x = 0;
  for (; x + 1 < pixels; ++x) {  // a fourth byte can be read with every pixel but the last
    std::uint32_t pixel;
    std::memcpy(&pixel, in + 3 * x, 4);
    pixel |= 0xFF000000u;
    std::memcpy(out + 4 * x, &pixel, 4);
  }
  for (; x < pixels; ++x) {
    std::memcpy(out + 4 * x, in + 3 * x, 3);
    out[4 * x + 3] = 255;
  }
}

void grey_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  for (int x = 0; x < pixels; ++x) {
    const std::uint32_t pixel = in[x] * 0x010101u | 0xFF000000u;
    std::memcpy(out + 4 * x, &pixel, 4);
  }
}

}  // namespace fastload
