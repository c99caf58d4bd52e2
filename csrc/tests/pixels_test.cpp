#include "codecs/pixels.h"

#include <vector>

#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;

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
  inverted_cmyk();
  return 0;
}
