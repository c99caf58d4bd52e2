// ScanDecoder beside libjpeg: the same coefficients of sound files, the same pixels of damaged ones.
#include "codecs/scan_decoder.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <jpeglib.h>

#include "codecs/jpeg.h"
#include "codecs/scan_setup.h"
#include "core/cpu.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr int kWidth = 123, kHeight = 77;

struct Kind {
  int components = 3;
  int h = 2, v = 2;
  int quality = 90;
  int noise = 60;        // how far neighbours are apart: long blocks or short ones
  int restart = 0;       // MCUs
  bool optimised = false;
};

Bytes make_file(const Kind& kind) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long bytes = 0;
  jpeg_mem_dest(&info, &memory, &bytes);
  info.image_width = kWidth;
  info.image_height = kHeight;
  info.input_components = kind.components;
  info.in_color_space = kind.components == 1 ? JCS_GRAYSCALE : kind.components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kind.quality, TRUE);
  info.comp_info[0].h_samp_factor = kind.h;
  info.comp_info[0].v_samp_factor = kind.v;
  info.restart_interval = static_cast<unsigned>(kind.restart);
  info.optimize_coding = kind.optimised ? TRUE : FALSE;
  jpeg_start_compress(&info, TRUE);
  std::mt19937 draw(1);
  Bytes row(static_cast<std::size_t>(kWidth * kind.components));
  for (int y = 0; y < kHeight; ++y) {
    for (std::size_t k = 0; k < row.size(); ++k) {
      const auto noise = kind.noise == 0 ? 0 : static_cast<int>(draw() % static_cast<unsigned>(kind.noise));
      row[k] = static_cast<std::uint8_t>(std::min(y + static_cast<int>(k) / 4 + noise, 255));
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

// A decompress object that has got as far as the scan of `file`.
class Started {
 public:
  explicit Started(const Bytes& file) {
    info_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, file.data(), file.size());
    jpeg_read_header(&info_, TRUE);
  }
  ~Started() { jpeg_destroy_decompress(&info_); }
  jpeg_decompress_struct& info() { return info_; }

 private:
  jpeg_error_mgr errors_;
  jpeg_decompress_struct info_;
};

// The coefficients of component c's block in `column` of `row`, as libjpeg reads them.
const JCOEF* wanted_block(jpeg_decompress_struct& info, jvirt_barray_ptr* arrays, int c, int row, int column) {
  const JBLOCKARRAY rows = (*info.mem->access_virt_barray)(reinterpret_cast<j_common_ptr>(&info), arrays[c],
                                                           static_cast<JDIMENSION>(row), 1, FALSE);
  return rows[0][column];
}

// Compares one MCU, but for the blocks beyond the edge, of which libjpeg keeps no record.
void compare_mcu(Started& truth, jvirt_barray_ptr* arrays, Started& started, int mcu, const Block* blocks) {
  const jpeg_decompress_struct& info = started.info();
  const int mcu_row = mcu / static_cast<int>(info.MCUs_per_row), mcu_column = mcu % static_cast<int>(info.MCUs_per_row);
  int number = 0;
  for (int c = 0; c < info.comps_in_scan; ++c) {
    const jpeg_component_info& component = *info.cur_comp_info[c];
    for (int k = 0; k < component.MCU_blocks; ++k, ++number) {
      const int row = mcu_row * component.MCU_height + k / component.MCU_width;
      const int column = mcu_column * component.MCU_width + k % component.MCU_width;
      if (row >= static_cast<int>(component.height_in_blocks) ||
          column >= static_cast<int>(component.width_in_blocks)) {
        continue;
      }
      CHECK(std::memcmp(blocks[number], wanted_block(truth.info(), arrays, c, row, column), sizeof(Block)) == 0);
    }
  }
}

// wanted: which MCUs of each three; the others are skipped, and stay zero.
void same_coefficients(ScanDecoder& scan, const Bytes& file, int wanted) {
  Started truth(file), started(file);
  jvirt_barray_ptr* arrays = jpeg_read_coefficients(&truth.info());
  jpeg_start_decompress(&started.info());
  CHECK(set_up(scan, started.info(), 0));
  Block blocks[kMostBlocks];
  Block* pointers[kMostBlocks];
  for (int k = 0; k < kMostBlocks; ++k) pointers[k] = &blocks[k];
  const int mcus = static_cast<int>(started.info().MCUs_per_row * started.info().MCU_rows_in_scan);
  for (int mcu = 0; mcu < mcus; ++mcu) {
    std::memset(blocks, 0, sizeof(blocks));
    const bool is_wanted = mcu % 3 < wanted;
    CHECK(scan.next_mcu(is_wanted ? pointers : nullptr));
    if (is_wanted) compare_mcu(truth, arrays, started, mcu, blocks);
  }
  CHECK(!scan.next_mcu(pointers));  // there is no more
}

constexpr Kind kKinds[] = {
    {},
    {1, 1, 1, 90, 60},
    {1, 2, 2, 90, 60},
    {3, 1, 1, 75, 200},
    {3, 2, 1, 100, 255},
    {3, 1, 2, 20, 30},
    {3, 4, 1, 95, 100},
    {4, 2, 2, 85, 60},
    {3, 2, 2, 90, 0},
    {3, 2, 2, 1, 255},
    {3, 2, 2, 90, 60, 1},
    {3, 2, 2, 95, 200, 5},
    {3, 1, 1, 100, 255, 3, true},
    {3, 2, 2, 50, 100, 0, true},
};

void coefficients_of_every_kind() {
  ScanDecoder scan;  // the same for all: tables are kept
  for (const Simd most : {Simd::kScalar, Simd::kAvx512}) {
    limit_simd(most);
    for (const Kind& kind : kKinds) {
      const Bytes file = make_file(kind);
      for (const int wanted : {0, 1, 2, 3}) same_coefficients(scan, file, wanted);
    }
  }
}

std::jmp_buf libjpeg_gave_up;
void give_up(j_common_ptr) { std::longjmp(libjpeg_gave_up, 1); }
void say_nothing(j_common_ptr) {}

// The RGB pixels as libjpeg decodes them, damage worked around; empty if it gives up.
Bytes by_libjpeg(const Bytes& file) {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  errors.error_exit = give_up;
  errors.output_message = say_nothing;
  static Bytes pixels;  // not on the frame that is jumped to
  pixels.clear();
  jpeg_create_decompress(&info);
  if (setjmp(libjpeg_gave_up) == 0) {
    jpeg_mem_src(&info, file.data(), file.size());
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info);
    pixels.resize(std::size_t{info.output_width} * info.output_height * 3);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = pixels.data() + std::size_t{info.output_scanline} * info.output_width * 3;
      jpeg_read_scanlines(&info, &row, 1);
    }
  } else {
    pixels.clear();
  }
  jpeg_destroy_decompress(&info);
  return pixels;
}

Bytes by_fastload(JpegDecoder& decoder, const Bytes& file) {
  if (!decoder.open(file, 1 << 20).ok()) return {};
  const int width = decoder.header().width, height = decoder.header().height;
  if (!decoder.start({0, 0, width, height}, 8, PixelFormat::kRgb).ok()) return {};
  Bytes pixels;
  for (int y = 0; y < height;) {
    JpegDecoder::Rows rows;
    if (!decoder.next(&rows).ok()) return {};
    for (int k = 0; k < rows.count; ++k, ++y) {
      const std::uint8_t* row = rows.data + k * rows.row_bytes;
      pixels.insert(pixels.end(), row, row + width * 3);
    }
  }
  return pixels;
}

// Damage in the scan: bytes changed, taken out and put in, markers among them. What fastload decodes is what libjpeg
// decodes. It may refuse more: files that end too early.
void damaged_files_decode_alike() {
  std::mt19937 draw(7);
  JpegDecoder decoder;
  int decoded = 0;
  for (const Kind& kind : kKinds) {
    if (kind.components == 4) continue;  // libjpeg gives CMYK
    const Bytes file = make_file(kind);
    const std::size_t scan = file.size() / 2;
    for (int turn = 0; turn < 200; ++turn) {
      Bytes damaged = file;
      for (int left = 1 + static_cast<int>(draw() % 3); left > 0; --left) {
        const auto at = static_cast<std::ptrdiff_t>(scan + draw() % (damaged.size() - scan - 2));
        const auto value = static_cast<std::uint8_t>(draw() % 4 == 0 ? 0xFF : draw());
        switch (draw() % 3) {
          case 0: damaged[static_cast<std::size_t>(at)] = value; break;
          case 1: damaged.erase(damaged.begin() + at); break;
          default: damaged.insert(damaged.begin() + at, value);
        }
      }
      const Bytes pixels = by_fastload(decoder, damaged);
      if (pixels.empty()) continue;
      ++decoded;
      CHECK(pixels == by_libjpeg(damaged));
    }
  }
  CHECK(decoded > 1500);
}

}  // namespace

int main() {
  coefficients_of_every_kind();
  damaged_files_decode_alike();
  return 0;
}
