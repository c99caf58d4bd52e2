// Colours changed, move after move, in one image: in as few passes as pipeline/colour_chain.h makes of them.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "core/image_view.h"
#include "core/status.h"
#include "kernels/color.h"
#include "pipeline/colour_chain.h"
#include "pipeline/moves.h"
#include "pipeline/row_source.h"

namespace fastload {

// Whether a move changes each pixel by itself, wherever it is and whatever is around it.
bool is_pointwise(const ColourMove& move) noexcept;

// Whether it also makes of a mean of pixels the mean of what it makes of them, but for rounding: along a line, of which
// nothing is cut off at the ends of the range.
bool is_straight(const ColourMove& move) noexcept;

// What the moves make of each level, if they are nothing but tables, the same for all channels.
std::optional<LevelTable> table_of(const std::vector<ColourMove>& moves);

// What the move makes of each level of that image, of 1, 3 or 4 bytes a pixel; of its mean and its histogram, where those
// count.
std::optional<LevelTable> table_of(const PixelMove& move, ImageView image);

// Whether it is a table that depends on the image.
bool is_table_of_image(const ColourMove& move) noexcept;

// Whether the move takes each pixel from others around it: filters, CLAHE, JPEG.
bool is_filter(const ColourMove& move) noexcept;

// The weights, in a square of the returned number of pixels a side, by which a motion blur makes a pixel of its
// neighbours.
int motion_weights(const PixelMove& move, std::vector<double>* weights);

// What such a move makes of an image of 1, 3 or 4 bytes a pixel, in other memory, of as many.
Status filter(const PixelMove& move, ImageView in, ImageView out);

// Of an image of 1, 3 or 4 bytes a pixel, in place.
void erase(const EraseMove& move, ImageView image);

class PixelRunner {
 public:
  // Applies the moves to *image, of 1 or 4 bytes a pixel; it may end up in other memory of this object's.
  Status run(const std::vector<ColourMove>& moves, ImageView* image) noexcept;
  void trim(std::size_t most_bytes) noexcept;

 private:
  Status run_all(const std::vector<ColourMove>& moves, ImageView* image);
  Status apply(const PixelMove& move, ImageView* image);

  ColourChain chain_;  // what is still to be done to the image
  Scratch spare_[2];
  int spare_in_ = 0;
};

}  // namespace fastload
