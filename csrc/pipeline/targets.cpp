#include "pipeline/targets.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "pipeline/mesh_inverse.h"
#include "pipeline/mesh_view.h"

namespace fastload {
namespace {

constexpr int kEllipseCorners = 64;  // the enclosing box is too small by 0.12% at most
constexpr double kLeastWeight = 1e-6;  // what a projective map puts nearer to infinity is cut off

// Keeps the side of a convex polygon where `distance` of a point is 0 or more. `snap` puts what is about there on the
// border itself, which interpolation misses by a rounding.
template <class Distance, class Snap>
Polygon cut_by(const Polygon& polygon, Distance distance, Snap snap) {
  Polygon kept;
  const std::size_t count = polygon.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Point a = polygon[i], b = polygon[(i + 1) % count];
    const double at_a = distance(a), at_b = distance(b);
    if (at_a >= 0) kept.push_back(a);
    if ((at_a >= 0) != (at_b >= 0)) {
      const double t = at_a / (at_a - at_b);
      kept.push_back(snap(Point{a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)}));
    }
  }
  return kept;
}

// The part of a convex polygon that lies within a box.
Polygon cut_within(Polygon kept, const Box& limit) {
  if (kept.empty()) return kept;
  const Box box = enclosing(kept);
  if (box.left < limit.left) {
    kept = cut_by(kept, [&](Point p) { return p.x - limit.left; }, [&](Point p) { return Point{limit.left, p.y}; });
  }
  if (box.right > limit.right) {
    kept = cut_by(kept, [&](Point p) { return limit.right - p.x; }, [&](Point p) { return Point{limit.right, p.y}; });
  }
  if (box.top < limit.top) {
    kept = cut_by(kept, [&](Point p) { return p.y - limit.top; }, [&](Point p) { return Point{p.x, limit.top}; });
  }
  if (box.bottom > limit.bottom) {
    kept = cut_by(kept, [&](Point p) { return limit.bottom - p.y; }, [&](Point p) { return Point{p.x, limit.bottom}; });
  }
  return kept;
}

Polygon ellipse(const Box& box) {
  // Its ends lie on the box itself: sines and cosines would miss them by a rounding.
  constexpr int kQuarter = kEllipseCorners / 4;
  double wave[kEllipseCorners];
  for (int i = 0; i <= kQuarter; ++i) {
    const double value = i == 0 ? 0 : i == kQuarter ? 1 : std::sin(i * 2 * std::numbers::pi / kEllipseCorners);
    wave[i] = wave[2 * kQuarter - i] = value;
    if (i > 0) wave[2 * kQuarter + i] = wave[(4 * kQuarter - i) % kEllipseCorners] = -value;
  }
  Polygon corners;
  for (int i = 0; i < kEllipseCorners; ++i) {
    const double x = wave[(i + kQuarter) % kEllipseCorners], y = wave[i];
    corners.push_back({x == 1 ? box.right : x == -1 ? box.left : (box.left + box.right) / 2 + x * box.width() / 2,
                       y == 1 ? box.bottom : y == -1 ? box.top : (box.top + box.bottom) / 2 + y * box.height() / 2});
  }
  return corners;
}

void map_corners(Polygon* polygon, const Matrix3& forward) {
  if (!forward.is_affine()) {
    const auto distance = [&](Point p) { return forward.weight(p) - kLeastWeight; };
    *polygon = cut_by(*polygon, distance, [](Point p) { return p; });
  }
  for (Point& corner : *polygon) corner = forward(corner);
}

// Whether what lies along the axes still does so.
bool keeps_axes(const Matrix3& forward) {
  const auto& m = forward.m;
  return forward.is_affine() && ((m[0][1] == 0 && m[1][0] == 0) || (m[0][0] == 0 && m[1][1] == 0));
}

// The part of an outline that can be seen in an image.
Polygon seen_part(Polygon outline, Size size) {
  Polygon seen = cut_to(std::move(outline), size.width, size.height);
  return is_something(seen) ? seen : Polygon{};
}

Matrix3 flip_of(bool horizontal, Size size) {
  return horizontal ? Matrix3{{{-1, 0, double(size.width)}, {0, 1, 0}, {0, 0, 1}}}
                    : Matrix3{{{1, 0, 0}, {0, -1, double(size.height)}, {0, 0, 1}}};
}

}  // namespace

Polygon rectangle(const Box& box) {
  return {{box.left, box.top}, {box.right, box.top}, {box.right, box.bottom}, {box.left, box.bottom}};
}

Targets::Object object_of(const Box& box, Outline outline) {
  Targets::Object object;
  object.outline = rectangle(box);
  if (outline == Outline::kEllipse) object.ellipse = ellipse(box);
  return object;
}

Box enclosing(const Polygon& polygon) {
  Box box{polygon.front().x, polygon.front().y, polygon.front().x, polygon.front().y};
  for (const Point corner : polygon) {
    box.left = std::min(box.left, corner.x);
    box.right = std::max(box.right, corner.x);
    box.top = std::min(box.top, corner.y);
    box.bottom = std::max(box.bottom, corner.y);
  }
  return box;
}

bool has_centre_of(const Box& window, const Box& box) {
  const double x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
  return x > window.left && x < window.right && y > window.top && y < window.bottom;
}

double area(const Polygon& polygon) {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    // From the first corner on: far from the origin, differences of large products would be lost.
    const Point o = polygon[0], a = polygon[i], b = polygon[(i + 1) % polygon.size()];
    twice += (a.x - o.x) * (b.y - o.y) - (b.x - o.x) * (a.y - o.y);
  }
  return std::abs(twice) / 2;
}

bool is_something(const Polygon& polygon) {
  if (polygon.empty()) return false;
  const Box box = enclosing(polygon);
  return area(polygon) >= kLeastSide * std::max(box.width(), box.height()) && area(polygon) > 0;
}

Polygon cut_where(const Polygon& polygon, const std::function<double(Point)>& linear) {
  return cut_by(polygon, linear, [](Point p) { return p; });
}

Polygon cut_to(Polygon polygon, double width, double height) {
  return cut_within(std::move(polygon), {0, 0, width, height});
}

Targets::Targets(std::vector<Object> objects, std::vector<Point> points, bool relative)
    : first_{std::move(objects), std::move(points), {}, false}, relative_(relative) {
  first_.seen.assign(first_.points.size(), true);
}

double Targets::Object::visible_part() const {
  if (is_gone || visible.empty()) return 0;
  const double whole = area(outline);
  return whole > 0 ? std::min(1.0, left * area(visible) / whole) : 0;
}

// The outline becomes the box around the turned ellipse, and as much of the object is visible as before.
void Targets::Object::turn_ellipse() {
  const double before = visible_part();
  const Box around = enclosing(ellipse);
  outline = rectangle(around);
  visible = before == 1 ? outline : cut_within(std::move(visible), around);
  const double now = area(visible);
  left = now > 0 ? before * area(outline) / now : 0;
}

void Targets::start(Size size) {
  size_ = size;
  objects_ = first_.objects;
  for (Object& object : objects_) {
    if (!object.is_placed) place(&object, size);
  }
  points_ = first_.points;
  seen_ = first_.seen;
  look_for_points(size);
  mirrored_ = first_.mirrored;
}

void Targets::place(Object* object, Size size) const {
  const double x = relative_ ? size.width : 1, y = relative_ ? size.height : 1;
  for (Polygon* polygon : {&object->outline, &object->ellipse}) {
    for (Point& corner : *polygon) corner = {corner.x * x, corner.y * y};
  }
  object->visible = seen_part(object->outline, size);
  object->is_placed = true;
}

void Targets::resume(const Targets& others, const std::vector<int>& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 0) continue;
    Object& object = first_.objects[i] = others.objects_[static_cast<std::size_t>(numbers[i])];
    // Clockwise again, from the corner that is where the first one was, as its box was written.
    if (others.mirrored_ && object.outline.size() == 4) {
      std::swap(object.outline[0], object.outline[1]);
      std::swap(object.outline[2], object.outline[3]);
    }
  }
}

void Targets::follow(const Move& move, Size before) {
  struct Follow {
    Targets& targets;
    Size before;
    void operator()(const PadMove& m) const {
      targets.map(Matrix3::translation(m.margins.left, m.margins.top),
                  {before.height + m.margins.top + m.margins.bottom, before.width + m.margins.left + m.margins.right});
    }
    void operator()(const WindowMove& m) const { targets.map(Matrix3::translation(-m.left, -m.top), m.size); }
    void operator()(const ResizeMove& m) const {
      targets.map(Matrix3::scaling(static_cast<double>(m.size.width) / before.width,
                                   static_cast<double>(m.size.height) / before.height), m.size);
    }
    void operator()(const FlipMove& m) const { targets.map(flip_of(m.horizontal, before), before); }
    void operator()(const WarpMove& m) const { targets.map(m.forward, m.size); }
    void operator()(const MeshMove& m) const {
      targets.map(*m.mesh);
      targets.renew_ellipses();
    }
    void operator()(const CentreMove& m) const { targets.drop_uncentred(m); }
    void operator()(const GreyMove&) const {}
    void operator()(const PixelMove&) const {}
    void operator()(const EraseMove&) const {}
  };
  std::visit(Follow{*this, before}, move);
}

void Targets::map(const Matrix3& forward, Size size) {
  for (Object& object : objects_) {
    for (Polygon* polygon : {&object.outline, &object.visible, &object.ellipse}) map_corners(polygon, forward);
    if (!object.ellipse.empty() && !keeps_axes(forward)) object.turn_ellipse();
    object.visible = seen_part(std::move(object.visible), size);
  }
  for (Point& point : points_) point = forward(point);
  look_for_points(size);
  // Of the whole map: wherever something can be seen its weight is positive, and all of that turns the same way round.
  if (forward.determinant() < 0) mirrored_ = !mirrored_;
}

void Targets::map(const Mesh& mesh) {
  MeshInverse moved(mesh);
  for (Object& object : objects_) {
    if (object.has_corners) {
      object.outline = moved(object.outline);
      object.visible = seen_part(moved(object.visible), mesh.size);
      continue;
    }
    if (object.visible.empty()) continue;
    object.left = object.visible_part();
    Polygon seen = seen_through(mesh, object.visible);
    if (seen.empty()) seen = seen_part(moved(object.visible), mesh.size);  // below a pixel
    object.outline = object.visible = seen;
  }
  for (Point& point : points_) point = moved(point);
  look_for_points(mesh.size);
}

// A mesh gives outlines that are boxes, in which other ellipses lie.
void Targets::renew_ellipses() {
  for (Object& object : objects_) {
    if (!object.ellipse.empty() && !object.outline.empty()) object.ellipse = ellipse(enclosing(object.outline));
  }
}

void Targets::look_for_points(Size size) {
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const Point p = points_[i];
    seen_[i] = seen_[i] && p.x >= 0 && p.y >= 0 && p.x <= size.width && p.y <= size.height;
  }
}

void Targets::drop_uncentred(const CentreMove& window) {
  const Box kept{double(window.left), double(window.top), double(window.left + window.size.width),
                 double(window.top + window.size.height)};
  for (Object& object : objects_) {
    if (!object.visible.empty() && !has_centre_of(kept, enclosing(object.visible))) object.is_gone = true;
  }
}

const std::vector<Box>& Targets::boxes() {
  boxes_.clear();
  for (const Object& object : objects_) {
    if (!object.is_gone && !object.visible.empty()) boxes_.push_back(enclosing(object.visible));
  }
  return boxes_;
}

}  // namespace fastload
