// How a region is decoded. Entropy decoding has no choice but to go through all that comes before the region's last row.
// The inverse DCT, upsampling and colour conversion are done for the iMCUs (the blocks that are coded together) that the
// region touches, and a margin: fancy upsampling mixes a chroma sample with its neighbours. Where libjpeg-turbo's own
// means to do so (jpeg_crop_scanline, jpeg_skip_scanlines) are known to give other pixels, more is decoded.
#include "codecs/jpeg.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "codecs/dct_size.h"
#include "codecs/exif.h"
#include "codecs/libjpeg.h"
#include "codecs/pixels.h"
#include "codecs/scan_setup.h"
#include "core/luminance.h"

#if defined(LIBJPEG_TURBO_VERSION_NUMBER) == 0
#error "this is not libjpeg-turbo's jpeglib.h"
#endif

namespace fastload {
namespace {

using File = std::span<const std::uint8_t>;

constexpr std::uint8_t kSignature[3] = {0xFF, 0xD8, 0xFF};
constexpr int kMostRows = 4 * DCTSIZE;  // of one iMCU: 4 is the largest sampling factor

Status check_signature(File file) noexcept {
  if (file.empty()) return Status::of(Fault::kCorrupt, "empty: 0 bytes");
  const std::size_t there = std::min(file.size(), sizeof(kSignature));
  if (std::memcmp(file.data(), kSignature, there) != 0) return Status::of(Fault::kForeign, "not a JPEG file");
  if (there < sizeof(kSignature)) {
    return Status::of(Fault::kCorrupt, "cut short: the file ends after %zu bytes", file.size());
  }
  return {};
}

J_COLOR_SPACE output_space(const jpeg_decompress_struct& info, PixelFormat format) noexcept {
  if (info.num_components == 4) return JCS_CMYK;
  if (format == PixelFormat::kRgb) return JCS_EXT_RGB;
  const bool grey = format == PixelFormat::kGrey && info.jpeg_color_space == JCS_GRAYSCALE;
  return grey ? JCS_GRAYSCALE : JCS_EXT_RGBA;  // of RGBX the fourth byte may be anything
}

// Whether blocks may be smoothed by their neighbours: done for progressive files whose scans leave coefficients out.
bool may_smooth(const jpeg_decompress_struct& info) noexcept {
  if (!info.progressive_mode || info.coef_bits == nullptr) return false;
  for (int component = 0; component < info.num_components; ++component) {
    for (int k = 0; k < 10; ++k) {  // the DC and the AC coefficients that smoothing would estimate
      if (info.coef_bits[component][k] != 0) return true;
    }
  }
  return false;
}

// Whether jpeg_crop_scanline() keeps its books right: it takes every component to be scaled alike.
bool may_crop(const jpeg_decompress_struct& info) noexcept {
  const int smallest = smallest_dct_size(info);
  for (int c = 0; c < info.num_components; ++c) {
    const jpeg_component_info& component = info.comp_info[c];
    const int size = dct_size(component);
    if (size == smallest) continue;
    const bool whole_size = component.h_samp_factor * size == info.max_h_samp_factor * smallest &&
                            component.v_samp_factor * size == info.max_v_samp_factor * smallest;
    if (!whole_size) return false;
  }
  return true;
}

}  // namespace

struct JpegDecoder::State {
  Libjpeg jpeg;
  JpegHeader header;
  File file;
  bool header_read = false;  // and nothing after it

  ScanDecoder scan;
  bool is_plain = false;  // libjpeg decodes the scan itself

  Region region;
  int eighths = 8;
  PixelFormat format = PixelFormat::kRgbx;
  int crop_left = 0;  // the first column that is decoded
  int rows_done = 0;
  bool started = false;
  std::vector<std::uint8_t> buffer;
  std::size_t row_bytes = 0;
  JSAMPROW rows[kMostRows];
  int row_count = 0;

  Status read_header(File from) noexcept;
  Status start() noexcept;
  Status begin() noexcept;
  void crop(jpeg_decompress_struct& info) noexcept;
  Status make_rows() noexcept;
  void discard(jpeg_decompress_struct& info, int count) noexcept;
  Status skip_rows() noexcept;
  Status read_rows(int wanted, int* got) noexcept;
  Status start_again() noexcept;
  void convert(int count) noexcept;
};

Status JpegDecoder::State::read_header(File from) noexcept {
  jpeg.reset(from);
  const Status status = jpeg.run([](jpeg_decompress_struct& info) { jpeg_read_header(&info, TRUE); });
  header_read = status.ok();
  return status;
}

// Chooses the columns to decode. After jpeg_start_decompress(), which knows how components are sampled.
void JpegDecoder::State::crop(jpeg_decompress_struct& info) noexcept {
  crop_left = 0;
  if (!may_crop(info) || may_smooth(info)) return;
  const int margin = info.max_h_samp_factor > 1 ? info.max_h_samp_factor : 0;
  const int width = static_cast<int>(info.output_width);
  const int left = std::max(region.x - margin, 0);
  // Never so narrow that libjpeg-turbo would choose another way to upsample than for the whole image.
  const int right = std::max(region.x + region.width + margin, left + 4 * info.max_h_samp_factor);
  if (left == 0 && right >= width) return;
  auto offset = static_cast<JDIMENSION>(left);
  auto wanted = static_cast<JDIMENSION>(std::min(right, width) - left);
  jpeg_crop_scanline(&info, &offset, &wanted);
  crop_left = static_cast<int>(offset);
}

Status JpegDecoder::State::begin() noexcept {
  return jpeg.run([this](jpeg_decompress_struct& info) {
    info.scale_num = static_cast<unsigned>(eighths);
    info.scale_denom = 8;
    info.out_color_space = output_space(info, format);
    jpeg_start_decompress(&info);
    crop(info);
    if (!is_plain && set_up(scan, info, crop_left)) jpeg.take_mcus(scan);
  });
}

// A buffer for the rows of one iMCU.
Status JpegDecoder::State::make_rows() noexcept {
  const jpeg_decompress_struct& info = jpeg.info();
  const std::size_t used = std::size_t{info.output_width} * static_cast<std::size_t>(info.output_components);
  row_bytes = (used + kRowPadding + 63) / 64 * 64;
  row_count = std::clamp(info.max_v_samp_factor * smallest_dct_size(info), 8, kMostRows);
  try {
    // What lies after the rows' pixels may be read: it has to be there, and to have been written once.
    if (buffer.size() < row_bytes * kMostRows) buffer.resize(row_bytes * kMostRows);
  } catch (const std::exception&) {
    return Status::of(Fault::kNoMemory, "no memory for rows of %u pixels", info.output_width);
  }
  for (int k = 0; k < row_count; ++k) rows[k] = buffer.data() + static_cast<std::size_t>(k) * row_bytes;
  return {};
}

void JpegDecoder::State::discard(jpeg_decompress_struct& info, int count) noexcept {
  while (count > 0) {
    const auto most = static_cast<JDIMENSION>(std::min(count, row_count));
    const int got = static_cast<int>(jpeg_read_scanlines(&info, rows, most));
    if (got == 0) return;
    count -= got;
  }
}

// Goes to the region's first row. jpeg_skip_scanlines() is asked once, from the top, for at least one iMCU row: it does
// not always come out right when it begins in the middle of one, or stays in the first.
Status JpegDecoder::State::skip_rows() noexcept {
  return jpeg.run([this](jpeg_decompress_struct& info) {
    const int imcu_rows = info.max_v_samp_factor * smallest_dct_size(info);
    if (region.y > imcu_rows && may_crop(info) && !may_smooth(info)) {
      jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(region.y));
    } else {
      discard(info, region.y);
    }
  });
}

Status JpegDecoder::State::start() noexcept {
  if (!header_read) {
    if (Status status = read_header(file); !status.ok()) return status;
  }
  header_read = false;
  if (Status status = begin(); !status.ok()) return status;
  if (Status status = make_rows(); !status.ok()) return status;
  return skip_rows();
}

// After something odd in the data, which libjpeg knows how to deal with: back to the row that was next.
Status JpegDecoder::State::start_again() noexcept {
  is_plain = true;
  if (Status status = start(); !status.ok()) return status;
  return jpeg.run([this](jpeg_decompress_struct& info) { discard(info, rows_done); });
}

Status JpegDecoder::State::read_rows(int wanted, int* got) noexcept {
  *got = 0;
  return jpeg.run([=, this](jpeg_decompress_struct& info) {
    while (*got < wanted) {
      const JDIMENSION more = jpeg_read_scanlines(&info, rows + *got, static_cast<JDIMENSION>(wanted - *got));
      if (more == 0) break;
      *got += static_cast<int>(more);
    }
  });
}

void JpegDecoder::State::convert(int count) noexcept {
  const bool cmyk = jpeg.info().out_color_space == JCS_CMYK;
  const bool grey = format == PixelFormat::kGrey && jpeg.info().out_color_space != JCS_GRAYSCALE;
  if (!cmyk && !grey) return;
  const int first = region.x - crop_left;
  for (int k = 0; k < count; ++k) {
    std::uint8_t* pixels = rows[k] + 4 * first;
    if (cmyk) rgb_from_cmyk(pixels, region.width, format == PixelFormat::kRgb ? 3 : 4, pixels);
    if (grey) rgbx_to_grey(pixels, region.width, pixels);
  }
}

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {}
JpegDecoder::~JpegDecoder() = default;

const JpegHeader& JpegDecoder::header() const noexcept { return state_->header; }

Status JpegDecoder::open(File file, std::int64_t max_pixels) noexcept {
  State& state = *state_;
  state.file = file;
  state.started = state.header_read = false;
  state.header = {};
  if (Status status = check_signature(file); !status.ok()) return status;
  if (Status status = state.read_header(file); !status.ok()) return status;
  const jpeg_decompress_struct& info = state.jpeg.info();
  JpegHeader& header = state.header;
  header.width = static_cast<int>(info.image_width);
  header.height = static_cast<int>(info.image_height);
  header.components = info.num_components;
  header.progressive = info.progressive_mode != FALSE;
  header.orientation = exif_orientation(file);
  if (info.arith_code) return Status::of(Fault::kForeign, "arithmetic coding");
  if (header.components != 1 && header.components != 3 && header.components != 4) {
    return Status::of(Fault::kForeign, "%d colour components", header.components);
  }
  const std::int64_t pixels = std::int64_t{header.width} * header.height;
  if (max_pixels > 0 && pixels > max_pixels) {
    return Status::of(Fault::kTooLarge, "%d x %d pixels, the limit is %lld in all", header.width, header.height,
                      static_cast<long long>(max_pixels));
  }
  return {};
}

Status JpegDecoder::start(Region region, int eighths, PixelFormat format) noexcept {
  State& state = *state_;
  if (state.header.components == 0) return Status::of(Fault::kBadArgument, "no file is open");
  if (eighths != 1 && eighths != 2 && eighths != 4 && eighths != 8) {
    return Status::of(Fault::kBadArgument, "a scale of %d/8, of 1, 2, 4 and 8", eighths);
  }
  const int width = scaled(state.header.width, eighths), height = scaled(state.header.height, eighths);
  if (region.x < 0 || region.y < 0 || region.width <= 0 || region.height <= 0 || region.width > width - region.x ||
      region.height > height - region.y) {
    return Status::of(Fault::kBadArgument, "region (x %d, y %d, width %d, height %d) of an image of %d x %d pixels",
                      region.x, region.y, region.width, region.height, width, height);
  }
  state.region = region;
  state.eighths = eighths;
  state.format = format;
  state.rows_done = 0;
  state.is_plain = false;
  Status status = state.start();
  if (!status.ok() && state.jpeg.has_found_odd()) status = state.start_again();
  if (!status.ok()) return status;
  state.started = true;
  return {};
}

Status JpegDecoder::next(Rows* rows) noexcept {
  State& state = *state_;
  *rows = {};
  const int left = state.region.height - state.rows_done;
  if (!state.started || left == 0) return {};
  const int wanted = std::min(left, state.row_count);
  int got = 0;
  Status status = state.read_rows(wanted, &got);
  if (!status.ok() && state.jpeg.has_found_odd()) {
    status = state.start_again();
    if (status.ok()) status = state.read_rows(wanted, &got);
  }
  if (!status.ok() || got == 0) {
    state.started = false;
    state.jpeg.abort();
    return status.ok() ? Status::of(Fault::kCorrupt, "no more rows") : status;
  }
  state.convert(got);
  state.rows_done += got;
  const int bytes = static_cast<int>(state.jpeg.info().output_components);
  rows->data = state.rows[0] + (state.region.x - state.crop_left) * bytes;
  rows->row_bytes = static_cast<std::ptrdiff_t>(state.row_bytes);
  rows->count = got;
  if (state.rows_done == state.region.height) state.jpeg.abort();  // what is left of the file is of no interest
  return {};
}

}  // namespace fastload
