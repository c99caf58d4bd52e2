// Boxes and points that move with an image.
//
// A box travels as the outline of what it was drawn around: a rectangle, or the ellipse within it, of which every canvas
// on the way cuts off what lies outside. The box that comes out encloses what is left, so turning an image twice grows
// it no more than turning it once. All numbers are float64; flips and crops of whole pixels are exact.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/matrix3.h"
#include "pipeline/image_size.h"
#include "pipeline/moves.h"

namespace fastload {

struct Box {
  double left, top, right, bottom;
  double width() const noexcept { return right - left; }
  double height() const noexcept { return bottom - top; }
  double area() const noexcept { return width() * height(); }
};

enum class Outline : std::uint8_t { kRectangle, kEllipse };

using Polygon = std::vector<Point>;

class Targets {
 public:
  struct Object {
    Polygon outline;  // convex, and not cut off
    Polygon visible;  // what the canvases have left of it
    double left = 1;  // the part of it that was still visible when a mesh gave it a new outline
    bool is_gone = false;

    double visible_part() const;  // in [0, 1], of its area
  };

  // What there is at first. relative: outlines are in parts of the image's sides. has_corners: they are boxes that turn,
  // whose corners are moved and which nothing else takes the place of.
  Targets(std::vector<Polygon> outlines, std::vector<Point> points, bool relative, bool has_corners = false)
      : first_outlines_(std::move(outlines)),
        first_points_(std::move(points)),
        relative_(relative),
        has_corners_(has_corners) {}

  // In an image of `size`, where nothing has been moved yet.
  void start(Size size);

  // What `move` does; `before` is the image's size until then.
  void follow(const Move& move, Size before);

  const std::vector<Object>& objects() const noexcept { return objects_; }
  const std::vector<Point>& points() const noexcept { return points_; }
  // Which of them no canvas has cut off.
  const std::vector<bool>& points_seen() const noexcept { return seen_; }
  Size size() const noexcept { return size_; }  // that it started in
  bool is_mirrored() const noexcept { return mirrored_; }  // left and right are exchanged
  // What can be seen of each object that is still there.
  const std::vector<Box>& boxes();

 private:
  void map(const Matrix3& forward, Size size);
  void map(const Mesh& mesh);
  void drop_uncentred(Size size);
  void look_for_points(Size size);

  std::vector<Polygon> first_outlines_;
  std::vector<Point> first_points_;
  bool relative_, has_corners_;
  Size size_;
  std::vector<Object> objects_;
  std::vector<Point> points_;
  std::vector<bool> seen_;
  std::vector<Box> boxes_;
  bool mirrored_ = false;
};

// The outline of what a box was drawn around.
Polygon outline_of(const Box& box, Outline outline);
Box enclosing(const Polygon& polygon);
double area(const Polygon& polygon);
// The part of a convex polygon that lies within [0, width] x [0, height].
Polygon cut_to(const Polygon& polygon, double width, double height);

}  // namespace fastload
