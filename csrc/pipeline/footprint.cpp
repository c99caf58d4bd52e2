#include "pipeline/footprint.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "pipeline/targets.h"

namespace fastload {
namespace {

constexpr double kInterpolated = 1.5;  // pixels

// From an output pixel to its neighbours, in input pixels.
struct Steps {
  Point right{1, 0}, down{0, 1};

  Footprint footprint() const noexcept { return {std::hypot(right.x, down.x), std::hypot(right.y, down.y)}; }
};

// Of a pixel around that place; nothing where that lies behind the viewer.
std::optional<Steps> steps_at(const Matrix3& to_input, Point place) {
  const Point places[] = {{place.x - 0.5, place.y}, {place.x + 0.5, place.y}, {place.x, place.y - 0.5},
                          {place.x, place.y + 0.5}};
  Point in[4];
  for (int i = 0; i < 4; ++i) {
    if (!(to_input.weight(places[i]) > 0)) return std::nullopt;
    in[i] = to_input(places[i]);
  }
  return Steps{{in[1].x - in[0].x, in[1].y - in[0].y}, {in[3].x - in[2].x, in[3].y - in[2].y}};
}

Point middle_of(Size size) { return {size.width / 2.0, size.height / 2.0}; }

// What is in front of the viewer, and of the image.
Polygon seen_part(Polygon output, const std::vector<Canvas>& canvases) {
  for (const Canvas& canvas : canvases) {
    const Matrix3& map = canvas.from_out;
    output = cut_where(output, [&](Point p) { return map.row(0, p); });
    output = cut_where(output, [&](Point p) { return map.row(1, p); });
    output = cut_where(output, [&](Point p) { return canvas.width * map.weight(p) - map.row(0, p); });
    output = cut_where(output, [&](Point p) { return canvas.height * map.weight(p) - map.row(1, p); });
  }
  return output;
}

// A pixel covers least where the image is nearest to the viewer, which is in one of the corners.
Footprint least_at(const Matrix3& to_input, const Polygon& corners) {
  Footprint least{HUGE_VAL, HUGE_VAL};
  for (const Point corner : corners) {
    const auto steps = steps_at(to_input, corner);
    if (!steps) continue;
    const Footprint there = steps->footprint();
    least = {std::min(least.across, there.across), std::min(least.down, there.down)};
  }
  return std::isfinite(least.across) && std::isfinite(least.down) ? least : Footprint{};
}

}  // namespace

Footprint footprint_of(const Frame& frame) {
  const Matrix3& to_input = frame.to_input();
  if (to_input.is_affine()) return footprint_of(to_input, frame.size());
  const Size size = frame.size();
  const Polygon output = rectangle({0, 0, double(size.width), double(size.height)});
  return least_at(to_input, seen_part(output, frame.canvases()));
}

Footprint footprint_of(const Matrix3& to_input, Size size) {
  if (to_input.is_affine()) return steps_at(to_input, middle_of(size)).value_or(Steps{}).footprint();
  return least_at(to_input, rectangle({0, 0, double(size.width), double(size.height)}));
}

Size shrunk_before(const Footprint& print, Size size, bool is_resize) {
  if (std::max(print.across, print.down) <= (is_resize ? kSlightShrink : kInterpolated)) return size;
  const auto shrunk = [&](int side, double covered) {
    const double by = std::max(is_resize ? covered : covered / kInterpolated, 1.0);
    return std::clamp(static_cast<int>(std::ceil(side / by)), 1, side);
  };
  return {shrunk(size.height, print.down), shrunk(size.width, print.across)};
}

bool shrinks_askew(const Matrix3& to_input, Size size) {
  const Steps steps = steps_at(to_input, middle_of(size)).value_or(Steps{});
  const Footprint print = steps.footprint();
  const double squares = print.across * print.across + print.down * print.down;
  const double area = steps.right.x * steps.down.y - steps.right.y * steps.down.x;
  const double spread = std::sqrt(std::max(squares * squares - 4 * area * area, 0.0));
  const double most = std::sqrt((squares + spread) / 2), least = std::sqrt(std::max(squares - spread, 0.0) / 2);
  const auto shrunk = [](double by) { return std::max(by, 1.0); };
  return shrunk(print.across) * shrunk(print.down) > kSlightShrink * shrunk(most) * shrunk(least);
}

}  // namespace fastload
