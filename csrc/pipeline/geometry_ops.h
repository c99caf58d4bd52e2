// Steps that move pixels by more than crops, flips and resizing, and those that look at the boxes first. Names,
// arguments and meaning are those of torchvision.transforms.v2, and Albumentations' where torchvision has none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/matrix3.h"
#include "kernels/resample.h"
#include "kernels/warp.h"
#include "pipeline/image_size.h"

namespace fastload {

struct Range {
  double low = 0;
  double high = 0;
};

// What a warp shows between pixels and outside of the image.
struct WarpLook {
  Sampling sampling = Sampling::kBilinear;
  Fill fill{};
};

// A turn (degrees, clockwise), a scale, a shear (degrees) and a translation (parts of the image's sides, to whole
// pixels), around a centre: the middle of the image if there is none. expand: the canvas grows so that all is seen.
struct AffineOp {
  double probability;
  Range angle;
  Range translate_x, translate_y;
  Range scale;
  Range shear_x, shear_y;
  std::optional<Point> centre;
  bool expand;
  WarpLook look;
};

// A translation by parts of the image's sides, cut off to whole pixels.
struct ShiftOp {
  double x, y;
  WarpLook look;
};

struct PerspectiveOp {
  double distortion;  // how far the corners move at most: this part of half a side
  double probability;
  WarpLook look;
};

// A map that is given. size 0 x 0: that of the image.
struct WarpOp {
  Matrix3 forward;
  Size size;
  WarpLook look;
};

struct Rotate90Op {
  double probability;
};
struct TransposeOp {
  double probability;
};

struct ZoomOutOp {
  double probability;
  Range side;
  Fill fill;
};
struct ScaleJitterOp {
  Size target;
  Range scale;
  Filter filter;
};
struct ShortestSizeOp {
  std::vector<int> shorter;
  int longest;  // 0: any
  Filter filter;
};
struct LetterBoxOp {
  Size size;
  bool enlarge;
  Filter filter;
  Fill fill;
};

struct IouCropOp {
  Range scale;
  Range ratio;
  std::vector<double> overlaps;  // one of them is the least overlap that a box must have; 1 and more: no crop
  int trials;
};
struct SafeCropOp {
  double erosion;
};

// Where in the input each output pixel's centre lies: see Places. Of a grid, also where its cells end there, which are
// all of one size in the output: they begin at 0, and stay in order.
struct Mesh {
  Size size;
  std::vector<float> xy, columns, rows;
  std::vector<double> column_ends, row_ends;
  float most = 0;  // no pixel is farther from its place than that
  Places places() const noexcept {
    return xy.empty() ? Places{nullptr, columns.data(), rows.data()} : Places{xy.data()};
  }
  Point at(int x, int y) const noexcept {
    if (xy.empty()) return {columns[static_cast<std::size_t>(x)], rows[static_cast<std::size_t>(y)]};
    const float* place = xy.data() + 2 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(size.width) +
                                          static_cast<std::size_t>(x));
    return {place[0], place[1]};
  }
};

// A mesh that is given.
struct RemapOp {
  std::shared_ptr<const Mesh> mesh;
  WarpLook look;
};

// Displacements of pixels: noise in [-1, 1], smoothed by a Gaussian, times alpha.
struct ElasticOp {
  double probability;
  double alpha_x, alpha_y;  // torchvision's: twice as many pixels
  double sigma_x, sigma_y;
  WarpLook look;
};
// Rows and columns of cells that are stretched and shrunk, by as much as keeps the image's border where it is or by what
// is drawn alone.
struct GridOp {
  double probability;
  int steps;
  Range limit;
  WarpLook look;
  bool keeps_border = true;
};

}  // namespace fastload
