// A warped stage's result, a few rows at a time: they are coloured and read on while they are in the cache.
#pragma once

#include <optional>

#include "core/image_view.h"
#include "core/status.h"
#include "kernels/color.h"
#include "kernels/look_up.h"
#include "pipeline/pixel_run.h"
#include "pipeline/plan.h"
#include "pipeline/row_source.h"

namespace fastload {

class WarpedSource : public RowSource {
 public:
  // Whether the stage's rows can be made apart from each other.
  static bool suits(const Stage& stage) noexcept;

  // image: what the stage has read, of 1 or 4 bytes a pixel, or RGB that the warp takes. Everything must stay until the last row.
  WarpedSource(const Stage& stage, ImageView image, PixelRunner& colours, Scratch& band);

  Status begin(Region region, int eighths) noexcept override;
  Status next(Rows* rows) noexcept override;
  // The same rows, as an image.
  Status next(ImageView* rows) noexcept;

 private:
  Status change_colours(ImageView* rows) noexcept;

  const Stage& stage_;
  ImageView image_;
  PixelRunner& colours_;
  Scratch& scratch_;
  std::optional<LevelTable> table_;  // all that is done to colours
  std::optional<LookUp> look_up_;    // in it
  ImageView band_;
  Region left_;
};

}  // namespace fastload
