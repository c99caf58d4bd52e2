#include "codecs/orient.h"

#include <cstring>

namespace fastload {
namespace {

// How a position in the turned image becomes one in the stored image: first its sides are swapped, then each axis of
// the stored image may run backwards.
struct Turn {
  bool swapped, x_backwards, y_backwards;
};

// EXIF 2.3, tag 274: where row 0 and column 0 of the stored image are to be seen.
Turn turn_of(int orientation) noexcept {
  switch (orientation) {
    case 2: return {false, true, false};
    case 3: return {false, true, true};
    case 4: return {false, false, true};
    case 5: return {true, false, false};
    case 6: return {true, false, true};
    case 7: return {true, true, true};
    case 8: return {true, true, false};
    default: return {false, false, false};
  }
}

template <int kChannels>
void turn(ImageView stored, Turn how, ImageView turned) noexcept {
  for (int y = 0; y < turned.height; ++y) {
    std::uint8_t* out = turned.row(y);
    for (int x = 0; x < turned.width; ++x, out += kChannels) {
      const int column = how.swapped ? y : x;
      const int row = how.swapped ? x : y;
      const std::uint8_t* in = stored.row(how.y_backwards ? stored.height - 1 - row : row) +
                               (how.x_backwards ? stored.width - 1 - column : column) * kChannels;
      std::memcpy(out, in, kChannels);
    }
  }
}

}  // namespace

Region stored_region(Region region, int width, int height, int orientation) noexcept {
  const Turn how = turn_of(orientation);
  Region stored = how.swapped ? Region{region.y, region.x, region.height, region.width} : region;
  if (how.x_backwards) stored.x = width - stored.x - stored.width;
  if (how.y_backwards) stored.y = height - stored.y - stored.height;
  return stored;
}

void orient_image(ImageView stored, int orientation, ImageView turned) noexcept {
  const Turn how = turn_of(orientation);
  if (stored.channels == 1) return turn<1>(stored, how, turned);
  if (stored.channels == 3) return turn<3>(stored, how, turned);
  turn<4>(stored, how, turned);
}

}  // namespace fastload
