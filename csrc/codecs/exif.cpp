#include "codecs/exif.h"

#include <cstring>

namespace fastload {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;

// Numbers of a TIFF structure in its byte order; 0 beyond its end.
struct Tiff {
  Bytes bytes;
  bool little_endian = false;

  std::uint32_t number(std::uint64_t offset, int size) const noexcept {
    if (offset + static_cast<std::uint64_t>(size) > bytes.size()) return 0;
    std::uint32_t value = 0;
    for (int k = 0; k < size; ++k) {
      const std::size_t from = offset + static_cast<std::size_t>(little_endian ? size - 1 - k : k);
      value = value << 8 | bytes[from];
    }
    return value;
  }
};

// The value of a tag with one number: SHORT (3), LONG (4) or BYTE (1), which stands first in the entry's last 4 bytes.
std::uint32_t entry_value(const Tiff& tiff, std::uint64_t entry) noexcept {
  switch (tiff.number(entry + 2, 2)) {
    case 1: return tiff.number(entry + 8, 1);
    case 3: return tiff.number(entry + 8, 2);
    case 4: return tiff.number(entry + 8, 4);
    default: return 0;
  }
}

int orientation_in(Bytes bytes) noexcept {
  Tiff tiff{bytes};
  if (bytes.size() < 8) return 1;
  if (std::memcmp(bytes.data(), "II", 2) == 0) {
    tiff.little_endian = true;
  } else if (std::memcmp(bytes.data(), "MM", 2) != 0) {
    return 1;
  }
  const std::uint64_t directory = tiff.number(4, 4);
  const std::uint32_t entries = tiff.number(directory, 2);
  for (std::uint32_t k = 0; k < entries; ++k) {
    const std::uint64_t entry = directory + 2 + k * kEntryBytes;
    if (entry + kEntryBytes > bytes.size()) break;
    if (tiff.number(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = entry_value(tiff, entry);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

bool has_parameters(std::uint8_t marker) noexcept { return marker != 0x01 && !(marker >= 0xD0 && marker <= 0xD8); }

}  // namespace

int exif_orientation(Bytes file) noexcept {
  std::size_t at = 2;
  while (at + 4 <= file.size()) {
    if (file[at] != 0xFF) return 1;  // libjpeg would search for a marker; such a file is not worth it
    const std::uint8_t marker = file[at + 1];
    if (marker == 0xFF) {  // filling
      ++at;
      continue;
    }
    if (!has_parameters(marker)) {
      at += 2;
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) return 1;  // image data, or the end
    const std::size_t bytes = std::size_t{file[at + 2]} << 8 | file[at + 3];
    if (bytes < 2 || at + 2 + bytes > file.size()) return 1;
    const Bytes segment = file.subspan(at + 4, bytes - 2);
    if (marker == 0xE1 && segment.size() >= 6 && std::memcmp(segment.data(), "Exif\0\0", 6) == 0) {
      return orientation_in(segment.subspan(6));
    }
    at += 2 + bytes;
  }
  return 1;
}

}  // namespace fastload
