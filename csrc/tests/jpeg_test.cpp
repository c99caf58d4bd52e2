#include "codecs/jpeg.h"



#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <jpeglib.h>

#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Kind {
  int components = 3;
  int h = 2, v = 2;  // sampling of the first component against 1x1 of the others
  bool progressive = false;
};

// A file of width x height pixels with something to see in every block.
Bytes make_file(int width, int height, Kind kind) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&info, &memory, &bytes);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = kind.components;
  info.in_color_space = kind.components == 1 ? JCS_GRAYSCALE : kind.components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  info.comp_info[0].h_samp_factor = kind.h;
  info.comp_info[0].v_samp_factor = kind.v;
  if (kind.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  Bytes row(static_cast<std::size_t>(width * kind.components));
  for (int y = 0; y < height; ++y) {
    for (std::size_t k = 0; k < row.size(); ++k) {
      row[k] = static_cast<std::uint8_t>((k * 7 + static_cast<std::size_t>(y) * 13) ^ (k * 2654435761u >> 20));
    }
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&info, &pointer, 1);
  }
  jpeg_finish_compress(&info);
  const Bytes file(memory, memory + bytes);
  jpeg_destroy_compress(&info);
  std::free(memory);
  return file;
}

Bytes decode(JpegDecoder& decoder, Region region, int eighths, PixelFormat format) {
  CHECK(decoder.start(region, eighths, format).ok());
  const std::size_t used = static_cast<std::size_t>(region.width) * static_cast<std::size_t>(format);
  Bytes pixels;
  for (int rows_done = 0; rows_done < region.height;) {
    JpegDecoder::Rows rows;
    CHECK(decoder.next(&rows).ok());
    CHECK(rows.count > 0);
    for (int k = 0; k < rows.count; ++k) {
      const std::uint8_t* row = rows.data + k * rows.row_bytes;
      pixels.insert(pixels.end(), row, row + used);
      CHECK(row[used + kRowPadding - 1] >= 0);  // may be read: a sanitizer watches
    }
    rows_done += rows.count;
  }
  return pixels;
}

Bytes cropped(const Bytes& whole, int width, Region region, std::size_t pixel) {
  Bytes crop;
  for (int y = region.y; y < region.y + region.height; ++y) {
    const auto from = whole.begin() + static_cast<std::ptrdiff_t>((y * width + region.x) * static_cast<int>(pixel));
    crop.insert(crop.end(), from, from + static_cast<std::ptrdiff_t>(region.width * static_cast<int>(pixel)));
  }
  return crop;
}

constexpr PixelFormat kFormats[] = {PixelFormat::kGrey, PixelFormat::kRgb, PixelFormat::kRgbx};

void a_region_is_the_whole_image_cropped(Kind kind, PixelFormat format) {
  const int width = 75, height = 83;
  const Bytes file = make_file(width, height, kind);
  JpegDecoder decoder;
  CHECK(decoder.open(file, 0).ok());
  CHECK(decoder.header().width == width && decoder.header().height == height);
  CHECK(decoder.header().components == kind.components && decoder.header().progressive == kind.progressive);
  for (const int eighths : {1, 2, 4, 8}) {
    const int w = JpegDecoder::scaled(width, eighths), h = JpegDecoder::scaled(height, eighths);
    const Bytes whole = decode(decoder, {0, 0, w, h}, eighths, format);
    for (int y = 0; y < h; y += 7) {
      for (int x = 0; x < w; x += 5) {
        for (const int size : {1, 2, 17, 100}) {
          const Region region{x, y, std::min(size, w - x), std::min(size, h - y)};
          const Bytes expected = cropped(whole, w, region, static_cast<std::size_t>(format));
          CHECK(decode(decoder, region, eighths, format) == expected);
        }
      }
    }
  }
}

void regions_of_every_kind() {
  for (const bool progressive : {false, true}) {
    for (const PixelFormat format : kFormats) {
      a_region_is_the_whole_image_cropped({1, 1, 1, progressive}, format);
      for (const int sampling : {11, 21, 12, 22, 41, 42, 14, 24}) {
        a_region_is_the_whole_image_cropped({3, sampling / 10, sampling % 10, progressive}, format);
      }
      a_region_is_the_whole_image_cropped({4, 1, 1, progressive}, format);
    }
  }
}

void the_fourth_byte_is_255() {
  JpegDecoder decoder;
  for (const int components : {1, 3, 4}) {
    const Bytes file = make_file(9, 9, {components, 1, 1, false});
    CHECK(decoder.open(file, 0).ok());
    const Bytes pixels = decode(decoder, {0, 0, 9, 9}, 8, PixelFormat::kRgbx);
    for (std::size_t k = 3; k < pixels.size(); k += 4) CHECK(pixels[k] == 255);
  }
}

// Whether the whole image, or its first row alone, comes out of the first `bytes` bytes of `file`.
Fault fault_of(JpegDecoder& decoder, const Bytes& file, std::size_t bytes, bool first_row) {
  const Bytes part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes));
  if (const Status status = decoder.open(part, 0); !status.ok()) return status.fault();
  const JpegHeader& header = decoder.header();
  const Region region{0, 0, header.width, first_row ? 1 : header.height};
  Status status = decoder.start(region, 8, PixelFormat::kRgb);
  for (int rows_done = 0; status.ok() && rows_done < region.height;) {
    JpegDecoder::Rows rows;
    status = decoder.next(&rows);
    rows_done += rows.count;
  }
  if (!status.ok()) CHECK(status.text()[0] != '\0');
  (void)decoder.open({}, 0);
  return status.fault();
}

void a_file_cut_short_anywhere_is_corrupt() {
  JpegDecoder decoder;
  for (const bool progressive : {false, true}) {
    const Bytes file = make_file(40, 40, {3, 2, 2, progressive});
    for (std::size_t bytes = 0; bytes + 2 < file.size(); ++bytes) {
      CHECK(fault_of(decoder, file, bytes, false) == Fault::kCorrupt);
    }
    CHECK(fault_of(decoder, file, file.size(), false) == Fault::kNone);
  }
}

void what_comes_after_the_region_is_not_looked_at() {
  JpegDecoder decoder;
  const Bytes file = make_file(40, 400, {});
  CHECK(fault_of(decoder, file, file.size() / 2, true) == Fault::kNone);
  CHECK(fault_of(decoder, file, file.size() / 2, false) == Fault::kCorrupt);
}

void other_files_are_told_apart() {
  JpegDecoder decoder;
  Bytes file = make_file(40, 40, {});
  CHECK(decoder.open(file, 1599).fault() == Fault::kTooLarge);
  CHECK(decoder.open(file, 1600).ok());
  const Bytes text{'t', 'e', 'x', 't'};
  CHECK(decoder.open(text, 0).fault() == Fault::kForeign);
  // Start of frame: marker, length, then the number of bits; 0xC3 is lossless, 0xC9 arithmetic coding.
  const auto frame = static_cast<std::size_t>(
      std::search(file.begin(), file.end(), std::begin("\xFF\xC0"), std::begin("\xFF\xC0") + 2,
                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }) - file.begin());
  for (const int marker : {0xC3, 0xC9}) {
    file[frame + 1] = static_cast<std::uint8_t>(marker);
    CHECK(decoder.open(file, 0).fault() == Fault::kForeign);
  }
  file[frame + 1] = 0xC0;
  file[frame + 4] = 12;
  CHECK(decoder.open(file, 0).fault() == Fault::kForeign);
}

void regions_outside_are_refused() {
  JpegDecoder decoder;
  const Bytes file = make_file(40, 30, {});
  CHECK(decoder.open(file, 0).ok());
  for (const Region region : {Region{0, 0, 41, 1}, {0, 0, 1, 31}, {-1, 0, 1, 1}, {0, -1, 1, 1}, {0, 0, 0, 1}, {40, 0, 1, 1},
                              {1, 0, 2147483647, 1}, {0, 1, 1, 2147483647}}) {
    CHECK(decoder.start(region, 8, PixelFormat::kRgb).fault() == Fault::kBadArgument);
  }
  CHECK(decoder.start({0, 0, 1, 1}, 3, PixelFormat::kRgb).fault() == Fault::kBadArgument);
  CHECK(decoder.start({0, 0, 40, 30}, 8, PixelFormat::kRgb).ok());
}

}  // namespace

int main() {
  regions_of_every_kind();
  the_fourth_byte_is_255();
  a_file_cut_short_anywhere_is_corrupt();
  what_comes_after_the_region_is_not_looked_at();
  other_files_are_told_apart();
  regions_outside_are_refused();
  return 0;
}
