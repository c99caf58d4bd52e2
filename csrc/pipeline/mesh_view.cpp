#include "pipeline/mesh_view.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fastload {
namespace {

bool is_inside(const Polygon& polygon, Point p) {
  bool left = false, right = false;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i], b = polygon[(i + 1) % polygon.size()];
    const double side = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
    left = left || side > 0;
    right = right || side < 0;
  }
  return !(left && right);
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void hold(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// Where the line from a to b is at that height; at its ends exactly there.
double x_at(Point a, Point b, double y) {
  return y == a.y ? a.x : y == b.y ? b.x : a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
}

// How far the part of a convex polygon between two heights goes from left to right.
Extent across(const Polygon& polygon, double top, double bottom) {
  Extent extent;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i], b = polygon[(i + 1) % polygon.size()];
    const Point &upper = a.y < b.y ? a : b, &lower = a.y < b.y ? b : a;
    if (lower.y < top || upper.y > bottom) continue;
    extent.hold(x_at(upper, lower, std::max(upper.y, top)));
    extent.hold(x_at(lower, upper, std::min(lower.y, bottom)));
  }
  return extent;
}

struct Run {
  int first, end;
};

// From the first to the last pixel of a row that comes from within the polygon. Columns of a grid stay in order.
Run seen_in_row(const Mesh& mesh, const Polygon& polygon, int y, double reach) {
  if (mesh.xy.empty()) {
    const double place = mesh.rows[static_cast<std::size_t>(y)];
    const Extent extent = across(polygon, place, place);
    const auto begin = mesh.columns.begin(), end = mesh.columns.end();
    return {static_cast<int>(std::lower_bound(begin, end, extent.low) - begin),
            static_cast<int>(std::upper_bound(begin, end, extent.high) - begin)};
  }
  const Extent extent = across(polygon, y + 0.5 - reach, y + 0.5 + reach);
  if (extent.low > extent.high) return {0, 0};
  Run run{std::max(0, static_cast<int>(std::floor(extent.low - reach))),
          std::min(mesh.size.width, static_cast<int>(std::ceil(extent.high + reach)))};
  while (run.first < run.end && !is_inside(polygon, mesh.at(run.first, y))) ++run.first;
  while (run.first < run.end && !is_inside(polygon, mesh.at(run.end - 1, y))) --run.end;
  return run;
}

}  // namespace

Polygon seen_through(const Mesh& mesh, const Polygon& polygon) {
  const Box around = enclosing(polygon);
  const double reach = mesh.most + 1;
  const int first = std::max(0, static_cast<int>(std::floor(around.top - reach)));
  const int end = std::min(mesh.size.height, static_cast<int>(std::ceil(around.bottom + reach)));
  int left = mesh.size.width, top = mesh.size.height, right = 0, bottom = 0;
  for (int y = first; y < end; ++y) {
    const Run run = seen_in_row(mesh, polygon, y, reach);
    if (run.first >= run.end) continue;
    left = std::min(left, run.first);
    right = std::max(right, run.end);
    top = std::min(top, y);
    bottom = y + 1;
  }
  if (left >= right) return {};
  return rectangle({double(left), double(top), double(right), double(bottom)});
}

}  // namespace fastload
