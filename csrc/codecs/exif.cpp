#include "codecs/exif.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

namespace fastload {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kOrientationTag = 0x0112;
constexpr std::uint32_t kTiffMagic = 42;
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

constexpr std::uint32_t kRational = 5, kSignedRational = 10, kFloat = 11, kDouble = 12;

// How long a number of that type is; 0 for types that are none, or of which Pillow makes none (BYTE).
int number_bytes(std::uint32_t type) noexcept {
  switch (type) {
    case 6: return 1;                                // SBYTE
    case 3: case 8: return 2;                        // SHORT, SSHORT
    case 4: case 9: case 13: case kFloat: return 4;  // LONG, SLONG, IFD
    case kRational: case kSignedRational: case kDouble: return 8;
    default: return 0;
  }
}

// The number of that type at that place. Whole ones are read without a sign: negative ones are no orientations anyway.
double number_at(const Tiff& tiff, std::uint64_t place, std::uint32_t type) noexcept {
  const std::uint32_t first = tiff.number(place, std::min(number_bytes(type), 4)), second = tiff.number(place + 4, 4);
  const auto with_sign = [](std::uint32_t word) { return static_cast<double>(static_cast<std::int32_t>(word)); };
  switch (type) {
    case kRational: return second == 0 ? 0 : static_cast<double>(first) / second;
    case kSignedRational: return second == 0 ? 0 : with_sign(first) / with_sign(second);
    case kFloat: return std::bit_cast<float>(first);
    case kDouble: {
      const std::uint64_t high = tiff.little_endian ? second : first, low = tiff.little_endian ? first : second;
      return std::bit_cast<double>(high << 32 | low);
    }
    default: return first;
  }
}

// The first number of a tag, which stands in the entry's last 4 bytes if all of its numbers have room there.
double entry_value(const Tiff& tiff, std::uint64_t entry) noexcept {
  const std::uint32_t type = tiff.number(entry + 2, 2);
  const std::uint64_t all = std::uint64_t{tiff.number(entry + 4, 4)} * static_cast<std::uint64_t>(number_bytes(type));
  if (all == 0) return 0;
  const std::uint64_t place = all <= 4 ? entry + 8 : tiff.number(entry + 8, 4);
  return place + all <= tiff.bytes.size() ? number_at(tiff, place, type) : 0;
}

// 1 to 8, and 1 for a number that makes no sense; 0 if there is no such tag.
int orientation_in(Bytes bytes) noexcept {
  Tiff tiff{bytes};
  if (bytes.size() < 8) return 0;
  if (std::memcmp(bytes.data(), "II", 2) == 0) {
    tiff.little_endian = true;
  } else if (std::memcmp(bytes.data(), "MM", 2) != 0) {
    return 0;
  }
  if (tiff.number(2, 2) != kTiffMagic) return 0;
  const std::uint64_t directory = tiff.number(4, 4);
  const std::uint32_t entries = tiff.number(directory, 2);
  for (std::uint32_t k = 0; k < entries; ++k) {
    const std::uint64_t entry = directory + 2 + k * kEntryBytes;
    if (entry + kEntryBytes > bytes.size()) break;
    if (tiff.number(entry, 2) != kOrientationTag) continue;
    const double value = entry_value(tiff, entry);
    return value >= 1 && value <= 8 && value == std::floor(value) ? static_cast<int>(value) : 1;
  }
  return 0;
}

// The digit after tiff:Orientation=" or tiff:Orientation>, as Pillow searches for it; 0 if there is none.
int orientation_in_xmp(Bytes text) noexcept {
  constexpr std::string_view kName = "tiff:Orientation";
  const std::string_view all(reinterpret_cast<const char*>(text.data()), text.size());
  for (std::size_t at = all.find(kName); at != all.npos; at = all.find(kName, at + 1)) {
    std::string_view rest = all.substr(at + kName.size());
    const std::size_t skipped = rest.starts_with("=\"") ? 2 : rest.starts_with(">") ? 1 : 0;
    if (skipped == 0 || rest.size() == skipped) continue;
    const int digit = rest[skipped] - '0';
    if (digit >= 0 && digit <= 9) return digit >= 1 && digit <= 8 ? digit : 1;
  }
  return 0;
}

bool starts_with(Bytes segment, std::string_view name) noexcept {
  return segment.size() >= name.size() && std::memcmp(segment.data(), name.data(), name.size()) == 0;
}

bool has_parameters(std::uint8_t marker) noexcept { return marker != 0x01 && !(marker >= 0xD0 && marker <= 0xD8); }

}  // namespace

int exif_orientation(Bytes file) noexcept {
  using namespace std::string_view_literals;
  constexpr std::string_view kExif = "Exif\0\0"sv, kXmp = "http://ns.adobe.com/xap/1.0/\0"sv;
  bool has_exif = false;
  int by_xmp = 0;  // which counts if EXIF says nothing
  std::size_t at = 2;
  while (at + 4 <= file.size()) {
    if (file[at] != 0xFF) break;  // libjpeg would search for a marker; such a file is not worth it
    const std::uint8_t marker = file[at + 1];
    if (marker == 0xFF) {  // filling
      ++at;
      continue;
    }
    if (!has_parameters(marker)) {
      at += 2;
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) break;  // image data, or the end
    const std::size_t bytes = std::size_t{file[at + 2]} << 8 | file[at + 3];
    if (bytes < 2 || at + 2 + bytes > file.size()) break;
    const Bytes segment = file.subspan(at + 4, bytes - 2);
    if (marker == 0xE1 && !has_exif && starts_with(segment, kExif)) {
      has_exif = true;
      const int by_exif = orientation_in(segment.subspan(kExif.size()));
      if (by_exif != 0) return by_exif;
    } else if (marker == 0xE1 && starts_with(segment, kXmp)) {
      by_xmp = orientation_in_xmp(segment.subspan(kXmp.size()));
    }
    at += 2 + bytes;
  }
  return by_xmp == 0 ? 1 : by_xmp;
}

}  // namespace fastload
