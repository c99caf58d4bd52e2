// An image seen through a projective map or a mesh: where each output pixel lies in the input, and what it shows.
//
// An output pixel shows the image if its centre lies on it, interpolated among pixels of the image alone, and the fill
// else: Pillow's rule, which leaves no dark seam around the image.
#pragma once

#include <cstdint>
#include <vector>

#include "core/image_view.h"
#include "core/matrix3.h"

namespace fastload {

enum class Sampling : std::uint8_t { kNearest, kBilinear, kBicubic };

// An area that an output pixel must lie in to show the image: [0, width) x [0, height) behind a map.
struct Canvas {
  Matrix3 from_out;
  double width = 0;
  double height = 0;
};

// The columns [begin, end) of output row `y`, of `width`, whose centres lie in all canvases.
struct RowSpan {
  int begin, end;
};
RowSpan visible_span(const std::vector<Canvas>& canvases, int y, int width) noexcept;

// Whether `in` may be RGB where `out`, of that width, has 4 bytes a pixel: no more than its rows are read.
bool warp_takes_rgb(ImageView in, const Matrix3& to_in, Sampling sampling, int width) noexcept;

// in, out: both 1 or both 4 bytes a pixel, or as warp_takes_rgb says; sides of at most 2^23 pixels. to_in: from the
// output to the input; its weight is positive wherever the canvases are. first_row: of the output's rows, where those in
// `out` begin.
void warp_image(ImageView in, const Matrix3& to_in, const std::vector<Canvas>& canvases, Sampling sampling,
                const std::uint8_t fill[4], ImageView out, int first_row = 0) noexcept;

// Where in the input the centre of each output pixel lies.
struct Places {
  const float* xy = nullptr;  // (x, y), row by row; or else
  const float* columns = nullptr;  // the x of each column
  const float* rows = nullptr;     // and the y of each row
};

// Places outside of the input show the fill.
void remap_image(ImageView in, const Places& where, Sampling sampling, const std::uint8_t fill[4],
                 ImageView out) noexcept;

}  // namespace fastload
