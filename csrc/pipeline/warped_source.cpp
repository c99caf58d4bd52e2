#include "pipeline/warped_source.h"

#include <algorithm>

#include "kernels/resample.h"
#include "kernels/warp.h"
#include "kernels/warp_rows.h"

namespace fastload {

bool WarpedSource::suits(const Stage& stage) noexcept {
  return stage.warped && stage.mesh == nullptr && !stage.to_grey && !stage.to_colour &&
         std::all_of(stage.colours.begin(), stage.colours.end(), is_pointwise);
}

WarpedSource::WarpedSource(const Stage& stage, ImageView image, PixelRunner& colours, Scratch& band)
    : stage_(stage), image_(image), colours_(colours), scratch_(band), table_(table_of(stage.colours)) {
  const int bytes = bytes_out(image);
  if (table_) look_up_.emplace(*table_, bytes, std::ptrdiff_t{bytes} * stage.out.width * stage.out.height);
}

Status WarpedSource::begin(Region region, int) noexcept {
  left_ = region;
  const int bytes = bytes_out(image_);
  int rows = kBandBytes / (bytes * stage_.out.width);
  // As many as a resize takes at once, or some times as many.
  if (rows > RowResizer::kRowsAtOnce) rows -= rows % RowResizer::kRowsAtOnce;
  rows = std::clamp(rows, 1, stage_.out.height);
  return scratch_image(scratch_, rows, stage_.out.width, bytes, &band_);
}

Status WarpedSource::next(Rows* rows) noexcept {
  ImageView made;
  const Status status = next(&made);
  *rows = {made.data, made.row_bytes, made.height};
  return status;
}

Status WarpedSource::next(ImageView* rows) noexcept {
  ImageView made = band_;
  made.height = std::min(band_.height, left_.height);
  warp_image(image_, stage_.to_read, stage_.canvases, stage_.sampling, stage_.fill.data(), made, left_.y);
  const Status status = change_colours(&made);
  left_.y += made.height;
  left_.height -= made.height;
  made.data += std::ptrdiff_t{left_.x} * made.channels;
  made.width = left_.width;
  *rows = made;
  return status;
}

Status WarpedSource::change_colours(ImageView* rows) noexcept {
  if (!look_up_) return colours_.run(stage_.colours, rows);
  look_up_->run(*rows, *rows);
  return {};
}

}  // namespace fastload
