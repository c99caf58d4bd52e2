// Pixels are those of Pillow, which uses the same library: accurate DCT, fancy upsampling, the same colour conversions.
//
// Damage is treated as Pillow treats it: what the library only warns of (and repairs) is let through, and a file that
// ends before the region is complete is an error.
#include "codecs/jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

#include <jpeglib.h>

#include <jerror.h>

#include "codecs/exif.h"
#include "core/luminance.h"

namespace fastload {
namespace {

constexpr int kMostRows = 16;    // of one row of MCUs
constexpr int kMostScans = 200;  // some 10 are usual; thousands in a small file would take minutes
constexpr int kMargin = 2;       // pixels beyond the region that upsampled chroma is made from
constexpr JOCTET kEnd[2] = {0xFF, JPEG_EOI};

struct Errors {
  jpeg_error_mgr manager;  // first: libjpeg hands out a pointer to it
  std::jmp_buf escape;
  bool cut_short;  // data was wanted that the file does not have
};

Errors& errors_of(j_common_ptr info) { return *reinterpret_cast<Errors*>(info->err); }

[[noreturn]] void fail(j_common_ptr info) { std::longjmp(errors_of(info).escape, 1); }

// Warnings come with a negative level.
void hear(j_common_ptr info, int level) {
  Errors& errors = errors_of(info);
  if (level >= 0 || info->err->msg_code != JWRN_HIT_MARKER || !errors.cut_short) return;
  fail(info);
}

void say_nothing(j_common_ptr) {}
void begin_source(j_decompress_ptr) {}
void end_source(j_decompress_ptr) {}

// The file is at its end. An end marker lets the library finish with what it has, and warn if that is not enough.
boolean fill_from_nothing(j_decompress_ptr info) {
  errors_of(reinterpret_cast<j_common_ptr>(info)).cut_short = true;
  info->src->next_input_byte = kEnd;
  info->src->bytes_in_buffer = sizeof(kEnd);
  return TRUE;
}

void skip_bytes(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  const auto skipped = static_cast<std::size_t>(count);
  if (skipped > info->src->bytes_in_buffer) {
    fill_from_nothing(info);
    return;
  }
  info->src->next_input_byte += skipped;
  info->src->bytes_in_buffer -= skipped;
}

void count_scans(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number > kMostScans) {
    info->err->msg_code = JERR_BAD_PROGRESSION;
    fail(info);
  }
}

inline std::uint8_t times_255th(int a, int b) {
  const int product = a * b + 128;
  return static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
}

// Adobe's inverted CMYK, which is what Pillow takes any four channels for, by Pillow's formula.
void cmyk_to_rgbx(const std::uint8_t* in, int width, std::uint8_t* out) {
  for (int x = 0; x < width; ++x, in += 4, out += 4) {
    const int light = in[3];
    for (int c = 0; c < 3; ++c) {
      const int value = light - times_255th(255 - in[c], light);
      out[c] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
    }
    out[3] = 255;
  }
}

void to_grey(std::uint8_t* row, int width) {
  for (int x = 0; x < width; ++x) row[x] = luminance(row[4 * x], row[4 * x + 1], row[4 * x + 2]);
}

void to_rgb(std::uint8_t* row, int width) {
  for (int x = 0; x < width; ++x) {
    for (int c = 0; c < 3; ++c) row[3 * x + c] = row[4 * x + c];
  }
}

bool starts_as_jpeg(std::span<const std::uint8_t> file) {
  return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}

}  // namespace

struct JpegDecoder::State {
  jpeg_decompress_struct info{};
  Errors errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  JpegHeader header;
  std::vector<std::uint8_t> rows;
  std::ptrdiff_t row_bytes = 0;
  int rows_left = 0;
  int rows_to_drop = 0;
  int columns_to_drop = 0;
  int width = 0;
  int decoded_channels = 0;
  PixelFormat format{};
  bool is_made = false;

  j_common_ptr common() { return reinterpret_cast<j_common_ptr>(&info); }
  bool make() noexcept;
  bool read_header(std::span<const std::uint8_t> file) noexcept;
  bool begin(Region region, int eighths) noexcept;
  bool read(int* count) noexcept;
  Status failure() noexcept;
  void finish_row(std::uint8_t* row) const;
};

// The functions with a setjmp hold nothing that has a destructor.

bool JpegDecoder::State::make() noexcept {
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = fail;
  errors.manager.emit_message = hear;
  errors.manager.output_message = say_nothing;
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_decompress(&info);
  source.init_source = begin_source;
  source.fill_input_buffer = fill_from_nothing;
  source.skip_input_data = skip_bytes;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = end_source;
  info.src = &source;
  progress.progress_monitor = count_scans;
  info.progress = &progress;
  is_made = true;
  return true;
}

bool JpegDecoder::State::read_header(std::span<const std::uint8_t> file) noexcept {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_abort_decompress(&info);
  errors.cut_short = false;
  errors.manager.msg_code = 0;
  source.next_input_byte = file.data();
  source.bytes_in_buffer = file.size();
  jpeg_read_header(&info, TRUE);
  return !errors.cut_short;
}

bool JpegDecoder::State::begin(Region region, int eighths) noexcept {
  if (setjmp(errors.escape) != 0) return false;
  info.scale_num = static_cast<unsigned>(eighths);
  info.scale_denom = 8;
  const bool is_cmyk = info.num_components == 4;
  const bool is_grey = info.num_components == 1 && format == PixelFormat::kGrey;
  info.out_color_space = is_cmyk ? JCS_CMYK : is_grey ? JCS_GRAYSCALE : JCS_EXT_RGBA;
  decoded_channels = is_grey ? 1 : 4;
  jpeg_start_decompress(&info);
  // A file that is read as a whole, scan by scan, has to have its end.
  if (info.progressive_mode && errors.cut_short) return false;
  const int from = region.x > kMargin ? region.x - kMargin : 0;
  const int to = std::min<int>(region.x + region.width + kMargin, static_cast<int>(info.output_width));
  JDIMENSION left = static_cast<JDIMENSION>(from);
  JDIMENSION columns = static_cast<JDIMENSION>(to - from);
  if (columns < info.output_width) jpeg_crop_scanline(&info, &left, &columns);
  const int top = region.y > kMargin ? region.y - kMargin : 0;
  if (top > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(top));
  rows_to_drop = region.y - top;
  columns_to_drop = region.x - static_cast<int>(left);
  return true;
}

bool JpegDecoder::State::read(int* count) noexcept {
  if (setjmp(errors.escape) != 0) return false;
  JSAMPROW pointers[kMostRows];
  for (int k = 0; k < kMostRows; ++k) pointers[k] = rows.data() + k * row_bytes;
  const int wanted = std::min(kMostRows, rows_left + rows_to_drop);
  *count = static_cast<int>(jpeg_read_scanlines(&info, pointers, static_cast<JDIMENSION>(wanted)));
  return *count > 0;
}

Status JpegDecoder::State::failure() noexcept {
  if (errors.cut_short) return Status::of(Fault::kCorrupt, "the JPEG file is cut short");
  const int code = errors.manager.msg_code;
  char text[JMSG_LENGTH_MAX] = "no image";
  if (code != 0) errors.manager.format_message(common(), text);
  const bool is_foreign = code == JERR_BAD_PRECISION || code == JERR_SOF_UNSUPPORTED || code == JERR_ARITH_NOTIMPL ||
                          code == JERR_CONVERSION_NOTIMPL;
  const Fault fault = code == JERR_OUT_OF_MEMORY ? Fault::kNoMemory : is_foreign ? Fault::kForeign : Fault::kCorrupt;
  return Status::of(fault, "libjpeg: %.150s", text);
}

void JpegDecoder::State::finish_row(std::uint8_t* row) const {
  if (decoded_channels == 1) return;
  if (info.out_color_space == JCS_CMYK) cmyk_to_rgbx(row, width, row);
  if (format == PixelFormat::kGrey) to_grey(row, width);
  if (format == PixelFormat::kRgb) to_rgb(row, width);
}

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {}

JpegDecoder::~JpegDecoder() {
  if (state_->is_made) jpeg_destroy_decompress(&state_->info);
}

const JpegHeader& JpegDecoder::header() const noexcept { return state_->header; }

Status JpegDecoder::open(std::span<const std::uint8_t> file, std::int64_t max_pixels) noexcept {
  State& s = *state_;
  s.header = {};
  if (file.empty()) return Status::of(Fault::kCorrupt, "the file is empty");
  if (!starts_as_jpeg(file)) return Status::of(Fault::kForeign, "not a JPEG file");
  if (!s.is_made && !s.make()) return Status::of(Fault::kNoMemory, "no memory for a JPEG decoder");
  if (!s.read_header(file)) return s.failure();
  s.header = {static_cast<int>(s.info.image_width), static_cast<int>(s.info.image_height), s.info.num_components,
              s.info.progressive_mode != 0, exif_orientation(file)};
  const int n = s.header.components;
  if (n != 1 && n != 3 && n != 4) return Status::of(Fault::kForeign, "a JPEG file of %d components", n);
  if (max_pixels > 0 && std::int64_t{s.header.width} * s.header.height > max_pixels) {
    return Status::of(Fault::kTooLarge, "%d x %d pixels (width x height) are more than max_pixels=%lld",
                      s.header.width, s.header.height, static_cast<long long>(max_pixels));
  }
  return {};
}

Status JpegDecoder::start(Region region, int eighths, PixelFormat format) noexcept {
  State& s = *state_;
  const int width = scaled(s.header.width, eighths);
  const int height = scaled(s.header.height, eighths);
  if (region.width < 1 || region.height < 1 || region.x < 0 || region.y < 0 || region.x > width - region.width ||
      region.y > height - region.height) {
    return Status::of(Fault::kBadArgument, "a region of %d x %d at (%d, %d) is not inside of %d x %d pixels",
                      region.width, region.height, region.x, region.y, width, height);
  }
  s.format = format;
  if (!s.begin(region, eighths)) return s.failure();
  s.width = region.width;
  s.rows_left = region.height;
  s.row_bytes = static_cast<std::ptrdiff_t>(s.info.output_width) * s.decoded_channels + kRowPadding;
  try {
    s.rows.resize(static_cast<std::size_t>(s.row_bytes) * kMostRows);
  } catch (const std::bad_alloc&) {
    return Status::of(Fault::kNoMemory, "no memory for rows of %d pixels", width);
  }
  return {};
}

Status JpegDecoder::next(Rows* rows) noexcept {
  State& s = *state_;
  *rows = {};
  while (s.rows_left > 0) {
    int count = 0;
    if (!s.read(&count)) return s.failure();
    const int dropped = std::min(count, s.rows_to_drop);
    s.rows_to_drop -= dropped;
    count = std::min(count - dropped, s.rows_left);
    if (count == 0) continue;
    s.rows_left -= count;
    std::uint8_t* first = s.rows.data() + dropped * s.row_bytes + s.columns_to_drop * s.decoded_channels;
    for (int k = 0; k < count; ++k) s.finish_row(first + k * s.row_bytes);
    *rows = {first, s.row_bytes, count};
    return {};
  }
  return {};
}

}  // namespace fastload
