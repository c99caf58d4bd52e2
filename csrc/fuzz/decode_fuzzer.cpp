// Any bytes as a JPEG file, decoded with a region, scale and format that the input's first bytes choose.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "codecs/jpeg.h"
#include "codecs/orient.h"

using namespace fastload;

namespace {

constexpr std::size_t kChoiceBytes = 10;
constexpr std::int64_t kMostPixels = 1 << 20;  // so that one input is a matter of milliseconds

struct Choices {
  explicit Choices(const std::uint8_t* bytes) : bytes(bytes) {}
  const std::uint8_t* bytes;

  // 0 <= value < end, of two bytes.
  int below(int at, int end) const { return end > 0 ? (bytes[at] << 8 | bytes[at + 1]) % end : 0; }
  int scale() const { return 1 << (bytes[0] & 3); }
  PixelFormat format() const {
    constexpr PixelFormat kAll[] = {PixelFormat::kGrey, PixelFormat::kRgb, PixelFormat::kRgbx};
    return kAll[(bytes[0] >> 2) % 3];
  }
  bool twice() const { return (bytes[0] & 0x80) != 0; }
  bool whole() const { return (bytes[0] & 0x40) != 0; }
  int orientation() const { return bytes[1] % 8 + 1; }
  Region region(int width, int height) const {
    if (whole()) return {0, 0, width, height};
    const int x = below(2, width), y = below(4, height);
    return {x, y, 1 + below(6, width - x), 1 + below(8, height - y)};
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

// Copies the region out, of memory that is exactly as large, so that a sanitizer sees what lies outside.
bool decode(JpegDecoder& decoder, const Choices& choices, std::vector<std::uint8_t>& pixels) {
  const JpegHeader& header = decoder.header();
  const int width = JpegDecoder::scaled(header.width, choices.scale());
  const int height = JpegDecoder::scaled(header.height, choices.scale());
  const Region region = choices.region(width, height);
  if (!decoder.start(region, choices.scale(), choices.format()).ok()) return false;
  const int channels = static_cast<int>(choices.format());
  const std::size_t used = static_cast<std::size_t>(region.width) * static_cast<std::size_t>(channels);
  pixels.clear();
  for (int rows_done = 0; rows_done < region.height;) {
    JpegDecoder::Rows rows;
    if (!decoder.next(&rows).ok()) return false;
    require(rows.count > 0 && rows_done + rows.count <= region.height);
    for (int k = 0; k < rows.count; ++k) {
      const std::uint8_t* row = rows.data + k * rows.row_bytes;
      pixels.insert(pixels.end(), row, row + used);
      volatile std::uint8_t after = row[used + kRowPadding - 1];
      (void)after;
    }
    rows_done += rows.count;
  }
  JpegDecoder::Rows none;
  require(decoder.next(&none).ok() && none.count == 0);

  std::vector<std::uint8_t> turned(pixels.size());
  const bool swaps = swaps_axes(choices.orientation());
  const int turned_width = swaps ? region.height : region.width, turned_height = swaps ? region.width : region.height;
  orient({pixels.data(), region.height, region.width, channels, region.width * channels}, choices.orientation(),
         {turned.data(), turned_height, turned_width, channels, turned_width * channels});
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kChoiceBytes) return 0;
  // One decoder for all inputs: what one leaves behind must not reach the next.
  static JpegDecoder decoder;
  const Choices choices(data);
  const std::vector<std::uint8_t> file(data + kChoiceBytes, data + size);  // an allocation of its own
  const bool opened = decoder.open(file, kMostPixels).ok();
  std::vector<std::uint8_t> first, second;
  if (opened && decode(decoder, choices, first) && choices.twice()) {
    require(decode(decoder, choices, second) && first == second);
  }
  (void)decoder.open({}, 0);  // `file` ends here
  return 0;
}
