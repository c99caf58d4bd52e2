#include "core/luminance.h"

#include <vector>

#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes numbered(int bytes) {
  Bytes filled(static_cast<std::size_t>(bytes));
  for (std::size_t k = 0; k < filled.size(); ++k) filled[k] = static_cast<std::uint8_t>(k * 2654435761u >> 15);
  return filled;
}

// Pillow's formula, in floating point.
int by_pillow(const std::uint8_t* rgb) {
  return static_cast<int>((rgb[0] * 19595.0 + rgb[1] * 38470.0 + rgb[2] * 7471.0 + 32768.0) / 65536.0);
}

void grey_of_every_length_and_in_place() {
  for (int pixels = 0; pixels < 70; ++pixels) {
    Bytes rgbx = numbered(4 * pixels), grey(static_cast<std::size_t>(pixels));
    rgbx_to_grey(rgbx.data(), pixels, grey.data());
    for (int x = 0; x < pixels; ++x) CHECK(grey[static_cast<std::size_t>(x)] == by_pillow(&rgbx[static_cast<std::size_t>(4 * x)]));
    rgbx_to_grey(rgbx.data(), pixels, rgbx.data());
    rgbx.resize(grey.size());
    CHECK(rgbx == grey);
  }
}

void grey_of_extreme_colours() {
  for (int colour = 0; colour < 8; ++colour) {
    Bytes rgbx(64, 255), grey(16);
    for (std::size_t k = 0; k < 64; ++k) {
      if (k % 4 < 3) rgbx[k] = (colour >> (k % 4) & 1) != 0 ? 255 : 0;
    }
    rgbx_to_grey(rgbx.data(), 16, grey.data());
    for (const std::uint8_t level : grey) CHECK(level == by_pillow(rgbx.data()));
  }
}

}  // namespace

int main() {
  grey_of_every_length_and_in_place();
  grey_of_extreme_colours();
  return 0;
}
