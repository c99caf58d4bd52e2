// Steps that move pixels by more than crops, flips and resizing, and those that look at the boxes.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "pipeline/drawing.h"
#include "pipeline/meshes.h"

namespace fastload {
namespace {

constexpr int kMostRounds = 100;  // of IouCropOp: torchvision goes on for ever if no box can be overlapped enough
constexpr int kMostQuadrilaterals = 10;  // of PerspectiveOp: far drawn in, three corners may lie in a line
constexpr double kWholeTolerance = 1e-6;  // of a pixel
constexpr double kCornerTolerance = 1e-4;  // torchvision's

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// sin of whole quarters of a turn is exact, so that such a turn moves whole pixels.
double sin_degrees(double degrees) {
  const double turns = degrees / 90;
  if (turns == std::floor(turns)) {
    constexpr double kSines[] = {0, 1, 0, -1};
    return kSines[static_cast<int>(std::fmod(std::fmod(turns, 4) + 4, 4))];
  }
  return std::sin(radians(degrees));
}
double cos_degrees(double degrees) { return sin_degrees(degrees + 90); }

// torchvision's: turn, shear in y, then in x, and scale; a sheared turn is what its matrix says.
Matrix3 turned_and_sheared(double angle, double shear_x, double shear_y, double scale) {
  const double tan_x = shear_x == 0 ? 0 : std::tan(radians(shear_x));
  const double cos_y = cos_degrees(shear_y);
  const double cosine = cos_degrees(angle - shear_y) / cos_y, sine = sin_degrees(angle - shear_y) / cos_y;
  return {{{scale * cosine, scale * (-cosine * tan_x - sin_degrees(angle)), 0},
           {scale * sine, scale * (-sine * tan_x + cos_degrees(angle)), 0},
           {0, 0, 1}}};
}

// The map of the unit square to a quadrilateral, corner by corner round it (Heckbert, "Fundamentals of Texture Mapping
// and Image Warping", 1989, section 2.2.3).
Matrix3 from_square(const Point (&q)[4]) {
  const double dx1 = q[1].x - q[2].x, dx2 = q[3].x - q[2].x, dx3 = q[0].x - q[1].x + q[2].x - q[3].x;
  const double dy1 = q[1].y - q[2].y, dy2 = q[3].y - q[2].y, dy3 = q[0].y - q[1].y + q[2].y - q[3].y;
  const double area = dx1 * dy2 - dx2 * dy1;
  const double g = (dx3 * dy2 - dx2 * dy3) / area;
  const double h = (dx1 * dy3 - dx3 * dy1) / area;
  return {{{q[1].x - q[0].x + g * q[1].x, q[3].x - q[0].x + h * q[3].x, q[0].x},
           {q[1].y - q[0].y + g * q[1].y, q[3].y - q[0].y + h * q[3].y, q[0].y},
           {g, h, 1}}};
}

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (a.area() + b.area() - width * height);
}

// The union of boxes, without a part of it at its sides where there are several.
Box safe_part(const std::vector<Box>& boxes, double erosion) {
  Box all = boxes.front();
  if (boxes.size() == 1) return all;
  for (const Box& box : boxes) {
    all = {std::min(all.left, box.left), std::min(all.top, box.top), std::max(all.right, box.right),
           std::max(all.bottom, box.bottom)};
  }
  const double less_x = erosion * all.width() / 2, less_y = erosion * all.height() / 2;
  return {all.left + less_x, all.top + less_y, all.right - less_x, all.bottom - less_y};
}

// Towards 0, to whole pixels: a number is whole itself where rounding has taken a little from it.
double cut_off(double pixels) { return std::trunc(pixels + std::copysign(kWholeTolerance, pixels)); }

}  // namespace

Status Drawing::add_warp(const Matrix3& forward, Size size, const WarpLook& look) {
  const std::optional<Matrix3> back = inverse(forward);
  if (!back || size.height < 1 || size.width < 1) {
    return Status::of(Fault::kBadArgument, "an image of %d x %d (height x width) cannot be warped by a map that makes "
                      "a line or a point of it", size_.height, size_.width);
  }
  moves_.push_back(WarpMove{forward, *back, size, look});
  size_ = size;
  return {};
}

Status Drawing::operator()(const AffineOp& op) {
  if (!happens(op.probability)) return {};
  const double angle = between(op.angle), scale = between(op.scale);
  const double shift_x = std::nearbyint(between(op.translate_x) * size_.width);
  const double shift_y = std::nearbyint(between(op.translate_y) * size_.height);
  const double shear_x = between(op.shear_x), shear_y = between(op.shear_y);
  const Point centre = op.centre.value_or(Point{size_.width / 2.0, size_.height / 2.0});
  Matrix3 forward = Matrix3::translation(centre.x + shift_x, centre.y + shift_y) *
                    turned_and_sheared(angle, shear_x, shear_y, scale) * Matrix3::translation(-centre.x, -centre.y);
  Size size = size_;
  if (op.expand) {
    Polygon corners{{0, 0}, {double(size_.width), 0}, {double(size_.width), double(size_.height)}, {0, double(size_.height)}};
    for (Point& corner : corners) corner = forward(corner);
    Box box = enclosing(corners);
    if (std::remainder(angle, 90) != 0) {
      box = {std::floor(box.left + kCornerTolerance), std::floor(box.top + kCornerTolerance),
             std::ceil(box.right - kCornerTolerance), std::ceil(box.bottom - kCornerTolerance)};
    }  // else it is as large as the image, and may lie between pixels
    size = {whole_pixels(std::nearbyint(box.height())), whole_pixels(std::nearbyint(box.width()))};
    forward = Matrix3::translation(-box.left, -box.top) * forward;
  }
  return add_warp(forward, size, op.look);
}

Status Drawing::operator()(const ShiftOp& op) {
  const double x = cut_off(op.x * size_.width), y = cut_off(op.y * size_.height);
  return add_warp(Matrix3::translation(x, y), size_, op.look);
}

Status Drawing::operator()(const PerspectiveOp& op) {
  if (!happens(op.probability)) return {};
  const double right = size_.width - 1, bottom = size_.height - 1;
  const auto reach = [&](int side) { return static_cast<int>(op.distortion * (side / 2)) + 1; };
  const auto inward = [&](int side) { return static_cast<double>(random_.below(reach(side))); };
  const Point start[4] = {{0, 0}, {right, 0}, {right, bottom}, {0, bottom}};
  const std::optional<Matrix3> to_square = inverse(from_square(start));
  if (right < 1 || bottom < 1 || !to_square) return {};  // a line has no perspective
  for (int i = 0; i < kMostQuadrilaterals; ++i) {
    Point end[4];
    for (int k = 0; k < 4; ++k) {
      const double x = inward(size_.width), y = inward(size_.height);
      end[k] = {start[k].x == 0 ? x : right - x, start[k].y == 0 ? y : bottom - y};
    }
    Matrix3 forward = from_square(end) * *to_square;
    const double corner = forward.m[2][2];
    for (auto& row : forward.m) {
      for (double& value : row) value /= corner;
    }
    if (inverse(forward)) return add_warp(forward, size_, op.look);
  }
  return {};
}

Status Drawing::operator()(const WarpOp& op) {
  const double width = size_.width, height = size_.height;
  for (const Point corner : {Point{0, 0}, Point{width, 0}, Point{width, height}, Point{0, height}}) {
    if (!(op.forward.weight(corner) > 0)) {
      return Status::of(Fault::kBadArgument, "an image of %d x %d (height x width) cannot be warped by a map that sends "
                        "a part of it behind the viewer", size_.height, size_.width);
    }
  }
  return add_warp(op.forward, op.size.height == 0 ? size_ : op.size, op.look);
}

Status Drawing::operator()(const Rotate90Op& op) {
  if (!happens(op.probability)) return {};
  const double width = size_.width, height = size_.height;
  switch (random_.below(4)) {  // quarters of a turn, counter-clockwise
    case 1: return add_warp({{{0, 1, 0}, {-1, 0, width}, {0, 0, 1}}}, {size_.width, size_.height}, {Sampling::kNearest, {}});
    case 2: return add_warp({{{-1, 0, width}, {0, -1, height}, {0, 0, 1}}}, size_, {Sampling::kNearest, {}});
    case 3: return add_warp({{{0, -1, height}, {1, 0, 0}, {0, 0, 1}}}, {size_.width, size_.height}, {Sampling::kNearest, {}});
    default: return {};
  }
}

Status Drawing::operator()(const TransposeOp& op) {
  if (!happens(op.probability)) return {};
  return add_warp({{{0, 1, 0}, {1, 0, 0}, {0, 0, 1}}}, {size_.width, size_.height}, {Sampling::kNearest, {}});
}

Status Drawing::operator()(const ZoomOutOp& op) {
  if (!happens(op.probability)) return {};
  const double side = between(op.side);
  const int width = whole_pixels(size_.width * side), height = whole_pixels(size_.height * side);
  const int left = random_.below(width - size_.width + 1), top = random_.below(height - size_.height + 1);
  add_pad({{left, top, width - size_.width - left, height - size_.height - top}, op.fill, PadMode::kConstant});
  return {};
}

Status Drawing::operator()(const ScaleJitterOp& op) {
  // torchvision's target_size is (width, height) here, unlike everywhere else.
  const double fit = std::min(static_cast<double>(op.target.width) / size_.height,
                              static_cast<double>(op.target.height) / size_.width);
  const double scale = fit * between(op.scale);
  return add_resize({whole_pixels(size_.height * scale), whole_pixels(size_.width * scale)}, op.filter);
}

Status Drawing::operator()(const ShortestSizeOp& op) {
  const int shorter = op.shorter[static_cast<std::size_t>(random_.below(static_cast<int>(op.shorter.size())))];
  double scale = static_cast<double>(shorter) / std::min(size_.height, size_.width);
  if (op.longest != 0) scale = std::min(scale, static_cast<double>(op.longest) / std::max(size_.height, size_.width));
  return add_resize({whole_pixels(size_.height * scale), whole_pixels(size_.width * scale)}, op.filter);
}

Status Drawing::operator()(const LetterBoxOp& op) {
  double scale = std::min(static_cast<double>(op.size.height) / size_.height,
                          static_cast<double>(op.size.width) / size_.width);
  if (!op.enlarge) scale = std::min(scale, 1.0);
  const auto side = [&](int of, int most) {
    return std::clamp(static_cast<int>(std::nearbyint(of * scale)), 1, most);
  };
  const Status status =
      add_resize({side(size_.height, op.size.height), side(size_.width, op.size.width)}, op.filter);
  if (!status.ok()) return status;
  const int more_rows = op.size.height - size_.height, more_columns = op.size.width - size_.width;
  const Margins margins{more_columns / 2, more_rows / 2, (more_columns + 1) / 2, (more_rows + 1) / 2};
  add_pad({margins, op.fill, PadMode::kConstant});
  return {};
}

// Liu et al., "SSD: Single Shot MultiBox Detector", 2016, section 2.2, as torchvision draws it.
Status Drawing::operator()(const IouCropOp& op) {
  if (boxes_.empty()) return {};
  for (int round = 0; round < kMostRounds; ++round) {
    const double least = op.overlaps[static_cast<std::size_t>(random_.below(static_cast<int>(op.overlaps.size())))];
    if (least >= 1) return {};
    for (int trial = 0; trial < op.trials; ++trial) {
      const int width = static_cast<int>(size_.width * between(op.scale));
      const int height = static_cast<int>(size_.height * between(op.scale));
      if (width < 1 || height < 1) continue;
      const double ratio = static_cast<double>(width) / height;
      if (!(ratio >= op.ratio.low && ratio <= op.ratio.high)) continue;
      const int left = random_.below(size_.width - width + 1), top = random_.below(size_.height - height + 1);
      const Box window{double(left), double(top), double(left + width), double(top + height)};
      double most = 0;  // stays 0 where no box has its middle in the window, whatever else overlaps it
      for (const Box& box : boxes_) {
        if (has_centre_of(window, box)) most = std::max(most, overlap(window, box));
      }
      if (most == 0 || most < least) continue;
      moves_.push_back(CentreMove{top, left, {height, width}});
      add_window({top, left, {height, width}});
      return {};
    }
  }
  return {};
}

// As Albumentations draws it. The window holds the boxes' union, or what is left of it when a part is taken off at
// each side, which one box alone is spared. Where there is no box, or nothing is left, it has the image's shape.
Status Drawing::operator()(const SafeCropOp& op) {
  if (boxes_.empty() || op.erosion >= 1) {
    const int least = std::max(1, static_cast<int>((1 - op.erosion) * size_.height + kRounding));
    const int height = least + random_.below(size_.height - least + 1);
    const int width = std::max(1, static_cast<int>(std::int64_t{height} * size_.width / size_.height));
    const int left = random_.below(size_.width - width + 1), top = random_.below(size_.height - height + 1);
    add_window({top, left, {height, width}});
    return {};
  }
  const Box kept = safe_part(boxes_, op.erosion);
  const int left = static_cast<int>(std::floor(random_.uniform() * kept.left));
  const int top = static_cast<int>(std::floor(random_.uniform() * kept.top));
  const double most_right = size_.width - kept.right, most_bottom = size_.height - kept.bottom;
  const int right = std::clamp(static_cast<int>(std::ceil(kept.right + random_.uniform() * most_right)), left + 1, size_.width);
  const int bottom = std::clamp(static_cast<int>(std::ceil(kept.bottom + random_.uniform() * most_bottom)), top + 1, size_.height);
  add_window({top, left, {bottom - top, right - left}});
  return {};
}

Status Drawing::operator()(const RemapOp& op) {
  moves_.push_back(MeshMove{op.mesh, op.look});
  size_ = op.mesh->size;
  return {};
}

Status Drawing::operator()(const ElasticOp& op) {
  if (happens(op.probability)) moves_.push_back(MeshMove{elastic_mesh(op, size_, random_), op.look});
  return {};
}

Status Drawing::operator()(const GridOp& op) {
  if (happens(op.probability)) moves_.push_back(MeshMove{grid_mesh(op, size_, random_), op.look});
  return {};
}

}  // namespace fastload
