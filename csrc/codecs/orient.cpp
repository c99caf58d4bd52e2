#include "codecs/orient.h"

#include <algorithm>
#include <cstring>

namespace fastload {
namespace {

// An orientation is up to three steps from the stored image to the oriented one, in this order: rows and columns change
// places, columns are reversed, rows are reversed.
struct Steps {
  bool transpose;
  bool reverse_x;
  bool reverse_y;
};

constexpr Steps kSteps[9] = {
    {false, false, false},  // 0 is none
    {false, false, false},  // 1: as stored
    {false, true, false},   // 2: mirrored
    {false, true, true},    // 3: upside down
    {false, false, true},   // 4: mirrored and upside down
    {true, false, false},   // 5: mirrored along the main diagonal
    {true, true, false},    // 6: to be turned clockwise
    {true, true, true},     // 7: mirrored along the other diagonal
    {true, false, true},    // 8: to be turned anticlockwise
};

// Turned images are read in columns: squares of this size keep what is read in the first-level cache.
constexpr int kTile = 32;

template <int Channels>
void copy_pixels(const std::uint8_t* from, std::ptrdiff_t step, std::uint8_t* to, int count) noexcept {
  for (int x = 0; x < count; ++x) {
    std::memcpy(to, from, Channels);
    from += step;
    to += Channels;
  }
}

template <int Channels>
void orient_as(ImageView stored, Steps steps, ImageView oriented) noexcept {
  // Bytes to go in the stored image for one step to the right and one down in the oriented one.
  std::ptrdiff_t right = steps.transpose ? stored.row_bytes : Channels;
  std::ptrdiff_t down = steps.transpose ? Channels : stored.row_bytes;
  const std::uint8_t* origin = stored.data;
  if (steps.reverse_x) {
    origin += right * (oriented.width - 1);
    right = -right;
  }
  if (steps.reverse_y) {
    origin += down * (oriented.height - 1);
    down = -down;
  }
  const int tile = steps.transpose ? kTile : oriented.width;
  for (int top = 0; top < oriented.height; top += kTile) {
    const int bottom = std::min(top + kTile, oriented.height);
    for (int left = 0; left < oriented.width; left += tile) {
      const int count = std::min(tile, oriented.width - left);
      for (int y = top; y < bottom; ++y) {
        copy_pixels<Channels>(origin + y * down + left * right, right, oriented.row(y) + left * Channels, count);
      }
    }
  }
}

}  // namespace

bool mirrors_columns(int orientation) noexcept { return kSteps[orientation].reverse_x; }

bool mirrors_rows(int orientation) noexcept { return kSteps[orientation].reverse_y; }

Region stored_region(Region region, int orientation, int width, int height) noexcept {
  const Steps steps = kSteps[orientation];
  const int oriented_width = steps.transpose ? height : width;
  const int oriented_height = steps.transpose ? width : height;
  if (steps.reverse_x) region.x = oriented_width - region.x - region.width;
  if (steps.reverse_y) region.y = oriented_height - region.y - region.height;
  return steps.transpose ? Region{region.y, region.x, region.height, region.width} : region;
}

void orient(ImageView stored, int orientation, ImageView oriented) noexcept {
  switch (stored.channels) {
    case 1: return orient_as<1>(stored, kSteps[orientation], oriented);
    case 3: return orient_as<3>(stored, kSteps[orientation], oriented);
    default: return orient_as<4>(stored, kSteps[orientation], oriented);
  }
}

}  // namespace fastload
