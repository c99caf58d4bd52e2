#include "codecs/pixels.h"

#include <vector>

#include "core/luminance.h"
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
int luminance(const std::uint8_t* rgb) {
  return static_cast<int>((rgb[0] * 19595.0 + rgb[1] * 38470.0 + rgb[2] * 7471.0 + 32768.0) / 65536.0);
}

void grey_of_every_length_and_in_place() {
  for (int pixels = 0; pixels < 70; ++pixels) {
    Bytes rgbx = numbered(4 * pixels), grey(static_cast<std::size_t>(pixels));
    rgbx_to_grey(rgbx.data(), pixels, grey.data());
    for (int x = 0; x < pixels; ++x) CHECK(grey[static_cast<std::size_t>(x)] == luminance(&rgbx[static_cast<std::size_t>(4 * x)]));
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
    for (const std::uint8_t level : grey) CHECK(level == luminance(rgbx.data()));
  }
}

void inverted_cmyk() {
  // No ink at all is white, all of black is black, all of cyan leaves green and blue.
  const Bytes cmyk{255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255, 255};
  Bytes rgb(9), rgbx(12);
  rgb_from_cmyk(cmyk.data(), 3, 3, rgb.data());
  CHECK((rgb == Bytes{255, 255, 255, 0, 0, 0, 0, 255, 255}));
  rgb_from_cmyk(cmyk.data(), 3, 4, rgbx.data());
  CHECK((rgbx == Bytes{255, 255, 255, 255, 0, 0, 0, 255, 0, 255, 255, 255}));
}

}  // namespace

int main() {
  grey_of_every_length_and_in_place();
  grey_of_extreme_colours();
  inverted_cmyk();
  return 0;
}
