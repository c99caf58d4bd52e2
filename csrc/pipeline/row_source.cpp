#include "pipeline/row_source.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "codecs/orient.h"
#include "kernels/channels.h"

namespace fastload {
namespace {

constexpr int kRowsAtATime = 8;  // in the first-level cache, up to some thousand pixels wide

}  // namespace

std::uint8_t* Scratch::reserve(std::size_t bytes) noexcept {
  const std::size_t needed = bytes + kRowPadding;
  if (needed > capacity_) {
    data_.reset();
    capacity_ = 0;
    data_.reset(new (std::nothrow) std::uint8_t[needed]);
    if (data_ == nullptr) return nullptr;
    capacity_ = needed;
  }
  return data_.get();
}

void Scratch::trim(std::size_t most_bytes) noexcept {
  if (capacity_ <= most_bytes) return;
  data_.reset();
  capacity_ = 0;
}

Status scratch_image(Scratch& scratch, int height, int width, int channels, ImageView* image) noexcept {
  const std::size_t row_bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  std::uint8_t* data = scratch.reserve(row_bytes * static_cast<std::size_t>(height));
  if (data == nullptr) {
    return Status::of(Fault::kNoMemory, "no memory for %d x %d pixels of %d bytes", height, width, channels);
  }
  *image = {data, height, width, channels, static_cast<std::ptrdiff_t>(row_bytes)};
  return {};
}

Status RowSource::read(Region region, ImageView out) noexcept {
  constexpr int kWhole = 8;
  Status status = begin(region, kWhole);
  for (int y = 0; status.ok() && y < out.height;) {
    Rows rows;
    status = next(&rows);
    for (int k = 0; status.ok() && k < rows.count; ++k, ++y) {
      std::memcpy(out.row(y), rows.data + k * rows.row_bytes, static_cast<std::size_t>(out.width * out.channels));
    }
  }
  return status;
}

// Sizes are rounded up: the last pixel of a smaller size may lie partly beyond the image, and in a mirrored one it comes
// first.
Origin TurnedJpegSource::origin(int eighths) const noexcept {
  const JpegHeader& header = decoder_.header();
  const auto beyond = [eighths](int side) { return JpegDecoder::scaled(side, eighths) - side * eighths / 8.0; };
  const bool swaps = swaps_axes(header.orientation);
  Origin origin;
  if (mirrors_columns(header.orientation)) origin.x = beyond(swaps ? header.height : header.width);
  if (mirrors_rows(header.orientation)) origin.y = beyond(swaps ? header.width : header.height);
  return origin;
}

Status TurnedJpegSource::begin(Region region, int eighths) noexcept {
  const JpegHeader& header = decoder_.header();
  const int width = JpegDecoder::scaled(header.width, eighths);
  const int height = JpegDecoder::scaled(header.height, eighths);
  const Region stored = stored_region(region, header.orientation, width, height);
  Status status = decoder_.start(stored, eighths, channels_ == 1 ? PixelFormat::kGrey : PixelFormat::kRgbx);
  ImageView decoded;
  if (status.ok()) status = scratch_image(stored_, stored.height, stored.width, channels_, &decoded);
  for (int y = 0; status.ok() && y < stored.height;) {
    Rows rows;
    status = decoder_.next(&rows);
    for (int k = 0; status.ok() && k < rows.count; ++k, ++y) {
      std::memcpy(decoded.row(y), rows.data + k * rows.row_bytes, static_cast<std::size_t>(decoded.row_bytes));
    }
  }
  if (status.ok()) status = scratch_image(turned_, region.height, region.width, channels_, &left_);
  if (status.ok()) orient(decoded, header.orientation, left_);
  return status;
}

Status TurnedJpegSource::next(Rows* rows) noexcept {
  *rows = {left_.data, left_.row_bytes, left_.height};
  left_.height = 0;
  return {};
}

Status ViewSource::begin(Region region, int) noexcept {
  left_ = region;
  const std::size_t row_bytes = static_cast<std::size_t>(region.width) * static_cast<std::size_t>(bytes());
  if (scratch_.reserve(row_bytes * kRowsAtATime) != nullptr) return {};
  return Status::of(Fault::kNoMemory, "no memory for rows of %d pixels", region.width);
}

// How many of the next rows need not be copied: what is read beyond their ends belongs to the image's next row.
int ViewSource::rows_in_place() const noexcept {
  const bool is_padded = image_.row_bytes >= static_cast<std::ptrdiff_t>(kRowPadding);
  if (bytes() != image_.channels || !is_padded) return 0;
  return std::min(left_.height, image_.height - 1 - left_.y);
}

Status ViewSource::next(Rows* rows) noexcept {
  const std::ptrdiff_t start = left_.y * image_.row_bytes + static_cast<std::ptrdiff_t>(left_.x) * image_.channels;
  *rows = {image_.data + start, image_.row_bytes, rows_in_place()};
  if (rows->count == 0) {
    const std::size_t row_bytes = static_cast<std::size_t>(left_.width) * static_cast<std::size_t>(bytes());
    std::uint8_t* out = scratch_.reserve(row_bytes * kRowsAtATime);
    rows->count = std::min(left_.height, kRowsAtATime);
    for (int k = 0; k < rows->count; ++k) {
      copy_row(left_.x, left_.y + k, left_.width, out + static_cast<std::size_t>(k) * row_bytes);
    }
    rows->data = out;
    rows->row_bytes = static_cast<std::ptrdiff_t>(row_bytes);
  }
  left_.y += rows->count;
  left_.height -= rows->count;
  return {};
}

ImageView ViewSource::rgb_in_place(Region region) const noexcept {
  if (image_.channels != 3) return {};
  return {image_.row(region.y) + std::ptrdiff_t{3} * region.x, region.height, region.width, 3, image_.row_bytes};
}

Status ViewSource::read(Region region, ImageView out) noexcept {
  for (int y = 0; y < region.height; ++y) copy_row(region.x, region.y + y, region.width, out.row(y));
  return {};
}

void ViewSource::copy_row(int x, int y, int width, std::uint8_t* out) const noexcept {
  const std::uint8_t* in = image_.row(y) + std::ptrdiff_t{x} * image_.channels;
  if (bytes() != image_.channels) {
    rgb_to_rgbx(in, width, out);
  } else {
    std::memcpy(out, in, static_cast<std::size_t>(width) * static_cast<std::size_t>(image_.channels));
  }
}

Status ScratchSource::begin(Region region, int) noexcept {
  const std::ptrdiff_t start = region.y * image_.row_bytes + static_cast<std::ptrdiff_t>(region.x) * image_.channels;
  left_ = {image_.data + start, image_.row_bytes, region.height};
  return {};
}

Status ScratchSource::next(Rows* rows) noexcept {
  *rows = left_;
  left_.count = 0;
  return {};
}

}  // namespace fastload
