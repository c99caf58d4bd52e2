#include "codecs/exif.h"

#include <cstring>

namespace fastload {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kOrientationTag = 0x0112;
constexpr std::uint16_t kShort = 3;
constexpr std::size_t kEntryBytes = 12;
constexpr char kExif[] = "Exif\0";  // and the zero byte that ends it: six bytes

// A TIFF block; reads beyond its end give 0.
struct Tiff {
  Bytes bytes;
  bool is_little = true;

  std::uint32_t read(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    if (at > bytes.size() || count > bytes.size() - at) return 0;
    for (std::size_t k = 0; k < count; ++k) {
      value |= std::uint32_t{bytes[at + k]} << 8 * (is_little ? k : count - 1 - k);
    }
    return value;
  }
};

int orientation_of(Bytes block) {
  if (block.size() < 8) return 1;
  Tiff tiff{block};
  tiff.is_little = block[0] == 'I';
  if (block[0] != block[1] || (block[0] != 'I' && block[0] != 'M') || tiff.read(2, 2) != 42) return 1;
  const std::size_t directory = tiff.read(4, 4);
  const std::size_t entries = tiff.read(directory, 2);
  for (std::size_t k = 0; k < entries; ++k) {
    const std::size_t entry = directory + 2 + k * kEntryBytes;
    if (entry + kEntryBytes > block.size()) return 1;
    if (tiff.read(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = tiff.read(entry + 8, 2);
    return tiff.read(entry + 2, 2) == kShort && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(Bytes file) noexcept {
  std::size_t at = 2;
  while (at + 4 <= file.size() && file[at] == 0xFF) {
    const std::uint8_t marker = file[at + 1];
    if (marker == 0xFF) {  // fill
      ++at;
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) return 1;  // the pixels begin
    const std::size_t length = std::size_t{file[at + 2]} << 8 | file[at + 3];
    if (length < 2 || at + 2 + length > file.size()) return 1;
    const Bytes segment = file.subspan(at + 4, length - 2);
    if (marker == 0xE1 && segment.size() >= sizeof(kExif) && std::memcmp(segment.data(), kExif, sizeof(kExif)) == 0) {
      return orientation_of(segment.subspan(sizeof(kExif)));
    }
    at += 2 + length;
  }
  return 1;
}

}  // namespace fastload
