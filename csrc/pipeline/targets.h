// Boxes and points that move with an image.
//
// A box travels as the outline of what it was drawn around, of which every canvas on the way cuts off what lies outside.
// The box that comes out encloses what is left, so turning an image twice grows it no more than turning it once. Where
// an ellipse is what turns, the outline is the box around it, as it is after the last turn. All numbers are float64;
// flips and crops of whole pixels are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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

// In pixels. What is thinner is nothing: it shows no pixel, and may be what rounding has left of nothing at all.
constexpr double kLeastSide = 1e-3;

class Targets {
 public:
  struct Object {
    Polygon outline;  // convex, and not cut off
    Polygon ellipse;  // what turns in its stead, if it has corners
    Polygon visible;  // what the canvases have left of it
    double left = 1;  // what the visible part of the outline is multiplied by, since one before it was cut off as well
    bool is_gone = false;
    bool is_placed = false;  // in pixels, and cut to its image
    bool has_corners = false;  // a box that turns: nothing else takes the place of its corners

    double visible_part() const;  // in [0, 1], of its area
    void turn_ellipse();
  };

  // What there is at first: objects with an outline, which may be an ellipse's. relative: they are in parts of the
  // image's sides.
  Targets(std::vector<Object> objects, std::vector<Point> points, bool relative);

  // In an image of `size`, where nothing has been moved yet.
  void start(Size size);

  // Lets what it all is by now be what the next start begins with.
  void go_on() { first_ = {objects_, points_, seen_, mirrored_}; }

  // Lets objects begin as what others, by number, have become in an image of the same size; a number below 0 is none.
  void resume(const Targets& others, const std::vector<int>& numbers);

  // What `move` does; `before` is the image's size until then.
  void follow(const Move& move, Size before);

  std::size_t count() const noexcept { return first_.objects.size(); }
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
  void renew_ellipses();
  void drop_uncentred(const CentreMove& window);
  void look_for_points(Size size);

  struct State {
    std::vector<Object> objects;
    std::vector<Point> points;
    std::vector<bool> seen;
    bool mirrored = false;
  };

  void place(Object* object, Size size) const;

  State first_;
  bool relative_;
  Size size_;
  std::vector<Object> objects_;
  std::vector<Point> points_;
  std::vector<bool> seen_;
  std::vector<Box> boxes_;
  bool mirrored_ = false;
};

// What a box was drawn around.
Targets::Object object_of(const Box& box, Outline outline);
Polygon rectangle(const Box& box);
Box enclosing(const Polygon& polygon);
bool has_centre_of(const Box& window, const Box& box);  // strictly inside
double area(const Polygon& polygon);
// Whether it has an area, and across its longer extent is about as wide as anything must be.
bool is_something(const Polygon& polygon);
// The part of a convex polygon where a function that is linear in a place is not negative.
Polygon cut_where(const Polygon& polygon, const std::function<double(Point)>& linear);
// The part of a convex polygon that lies within [0, width] x [0, height].
Polygon cut_to(Polygon polygon, double width, double height);

}  // namespace fastload
