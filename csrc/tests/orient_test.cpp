#include "codecs/orient.h"

#include <cstring>
#include <vector>

#include "codecs/exif.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;

// Where pixel (x, y) of the stored image goes, by the words of the EXIF standard: which side of the image as it is to
// be seen row 0 and column 0 of the stored one are.
struct Sides {
  char row0, column0;
};
constexpr Sides kSides[9] = {{}, {'t', 'l'}, {'t', 'r'}, {'b', 'r'}, {'b', 'l'}, {'l', 't'}, {'r', 't'}, {'r', 'b'}, {'l', 'b'}};

void place(Sides sides, int x, int y, int width, int height, int* seen_x, int* seen_y) {
  switch (sides.row0) {
    case 't': *seen_y = y; break;
    case 'b': *seen_y = height - 1 - y; break;
    case 'l': *seen_x = y; break;
    default: *seen_x = height - 1 - y;
  }
  switch (sides.column0) {
    case 'l': *seen_x = x; break;
    case 'r': *seen_x = width - 1 - x; break;
    case 't': *seen_y = x; break;
    default: *seen_y = width - 1 - x;
  }
}

void every_pixel_goes_where_the_standard_says(int orientation, int channels, int width, int height) {
  const int pixels = width * height;
  Bytes stored(static_cast<std::size_t>(pixels * channels)), seen(stored.size());
  for (std::size_t k = 0; k < stored.size(); ++k) stored[k] = static_cast<std::uint8_t>(k * 2654435761u >> 16);
  const bool swaps = swaps_axes(orientation);
  const int seen_width = swaps ? height : width, seen_height = swaps ? width : height;
  orient({stored.data(), height, width, channels, width * channels}, orientation,
         {seen.data(), seen_height, seen_width, channels, seen_width * channels});
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      int sx = -1, sy = -1;
      place(kSides[orientation], x, y, width, height, &sx, &sy);
      CHECK(sx >= 0 && sx < seen_width && sy >= 0 && sy < seen_height);
      CHECK(std::memcmp(&seen[static_cast<std::size_t>((sy * seen_width + sx) * channels)],
                        &stored[static_cast<std::size_t>((y * width + x) * channels)],
                        static_cast<std::size_t>(channels)) == 0);
      const Region found = stored_region({sx, sy, 1, 1}, orientation, width, height);
      CHECK(found.x == x && found.y == y && found.width == 1 && found.height == 1);
    }
  }
}

void regions_keep_their_corners() {
  const Region region = stored_region({2, 3, 5, 7}, 6, 40, 30);  // of the oriented image, 30 wide and 40 high
  CHECK(region.width == 7 && region.height == 5);
  CHECK(region.x == 3 && region.y == 30 - 2 - 5);
}

Bytes with_exif(const Bytes& tiff) {
  const std::size_t bytes = tiff.size() + 8;
  const auto high = static_cast<std::uint8_t>(bytes >> 8), low = static_cast<std::uint8_t>(bytes);
  Bytes file{0xFF, 0xD8, 0xFF, 0xE1, high, low, 'E', 'x', 'i', 'f', 0, 0};
  for (const std::uint8_t byte : tiff) file.push_back(byte);
  file.insert(file.end(), {0xFF, 0xDA, 0, 2});
  return file;
}

const Bytes kLittle{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
const Bytes kBig{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0};

void exif_of_both_byte_orders() {
  CHECK(exif_orientation(with_exif(kLittle)) == 6);
  CHECK(exif_orientation(with_exif(kBig)) == 8);
}

void exif_without_sense_is_none() {
  for (std::size_t bytes = 0; bytes < kLittle.size(); ++bytes) {
    CHECK(exif_orientation(with_exif({kLittle.begin(), kLittle.begin() + static_cast<std::ptrdiff_t>(bytes)})) == 1);
  }
  for (const int value : {0, 9, 255}) {
    Bytes tiff = kLittle;
    tiff[18] = static_cast<std::uint8_t>(value);
    CHECK(exif_orientation(with_exif(tiff)) == 1);
  }
  Bytes far = kLittle;  // a directory at 4 GB, one of 65,535 entries
  std::memset(&far[4], 0xFF, 4);
  CHECK(exif_orientation(with_exif(far)) == 1);
  Bytes many = kBig;
  many[8] = many[9] = 0xFF;
  CHECK(exif_orientation(with_exif(many)) == 8);
  const Bytes file = with_exif(kLittle);
  for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
    CHECK(exif_orientation(std::span(file.data(), bytes)) <= 8);
  }
}

}  // namespace

int main() {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const int channels : {1, 3, 4}) {
      for (const int width : {1, 2, 31, 33, 70}) {
        for (const int height : {1, 3, 32, 65}) every_pixel_goes_where_the_standard_says(orientation, channels, width, height);
      }
    }
  }
  regions_keep_their_corners();
  exif_of_both_byte_orders();
  exif_without_sense_is_none();
  return 0;
}
