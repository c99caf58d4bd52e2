#include "pipeline/mesh_inverse.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fastload {
namespace {

constexpr int kBlock = 16;           // cells a side: fewer blocks to pass over against fewer cells to look at in one
constexpr double kRounding = 1e-9;   // of a cell, by which solutions may miss its border

double cross(Point a, Point b) { return a.x * b.y - a.y * b.x; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }

// From where cells of an axis end to the output, where they are all of one size; beyond the last as in it.
double ungridded(const std::vector<double>& ends, int size, double place) {
  const auto after = std::upper_bound(ends.begin() + 1, ends.end() - 1, place);
  const double begin = *(after - 1), length = *after - begin;
  const double cell = static_cast<double>(after - 1 - ends.begin());
  const double t = length > 0 ? (place - begin) / length : 0;
  return (cell + t) * size / static_cast<double>(ends.size() - 1);
}

bool is_part(double t) { return t >= -kRounding && t <= 1 + kRounding; }

// The roots of a v^2 + b v + c, so that neither loses its digits; how many there are.
int roots_of(double a, double b, double c, double roots[2]) {
  const double under = b * b - 4 * a * c;
  if (under < 0) return 0;
  const double q = -(b + std::copysign(std::sqrt(under), b)) / 2;
  if (q == 0) {  // b and c or a are 0
    roots[0] = 0;
    return a != 0 || c == 0 ? 1 : 0;
  }
  roots[0] = c / q;
  if (a == 0) return 1;
  roots[1] = q / a;
  return 2;
}

}  // namespace

Point MeshInverse::operator()(Point place) {
  if (mesh_.xy.empty()) {
    return {ungridded(mesh_.column_ends, mesh_.size.width, place.x), ungridded(mesh_.row_ends, mesh_.size.height, place.y)};
  }
  if (const auto found = within(place)) return *found;
  return beyond(place).value_or(place);
}

Polygon MeshInverse::operator()(Polygon places) {
  for (Point& place : places) place = (*this)(place);
  return places;
}

void MeshInverse::hold(Point found, Point place) {
  const Point by = found - place;
  const double away = by.x * by.x + by.y * by.y;
  if (nearest_ && away >= away_) return;
  nearest_ = found;
  away_ = away;
}

void MeshInverse::look_at_blocks() {
  blocks_across_ = (std::max(mesh_.size.width - 1, 0) + kBlock - 1) / kBlock;
  blocks_down_ = (std::max(mesh_.size.height - 1, 0) + kBlock - 1) / kBlock;
  blocks_.reserve(static_cast<std::size_t>(blocks_across_) * static_cast<std::size_t>(blocks_down_));
  for (int y = 0; y < blocks_down_; ++y) {
    for (int x = 0; x < blocks_across_; ++x) blocks_.push_back(extent_of(x, y));
  }
}

MeshInverse::Block MeshInverse::extent_of(int block_x, int block_y) const {
  constexpr float kFar = std::numeric_limits<float>::infinity();
  Block block{kFar, kFar, -kFar, -kFar};
  const int first = block_x * kBlock, last = std::min(first + kBlock, mesh_.size.width - 1);
  const int bottom = std::min((block_y + 1) * kBlock, mesh_.size.height - 1);
  for (int y = block_y * kBlock; y <= bottom; ++y) {
    const float* place = mesh_.xy.data() + 2 * (static_cast<std::ptrdiff_t>(y) * mesh_.size.width + first);
    for (int x = first; x <= last; ++x, place += 2) {
      block.left = std::min(block.left, place[0]);
      block.right = std::max(block.right, place[0]);
      block.top = std::min(block.top, place[1]);
      block.bottom = std::max(block.bottom, place[1]);
    }
  }
  return block;
}

// Ring by ring of blocks around the place, until all that are left are farther away than what has been found, or than
// anything moves.
std::optional<Point> MeshInverse::within(Point place) {
  if (mesh_.size.width < 2 || mesh_.size.height < 2) return std::nullopt;
  if (blocks_.empty()) look_at_blocks();
  nearest_.reset();
  const auto block_at = [](double at, int count) {
    return static_cast<int>(std::clamp(std::floor((at - 0.5) / kBlock), 0.0, count - 1.0));
  };
  const int across = block_at(place.x, blocks_across_), down = block_at(place.y, blocks_down_);
  const int farthest = std::max({across, down, blocks_across_ - 1 - across, blocks_down_ - 1 - down});
  for (int ring = 0; ring <= farthest; ++ring) {
    const double least = (ring - 1) * kBlock;  // as far away is everything in this ring
    if (least > mesh_.most + 1 || (nearest_ && least > 0 && least * least > away_)) break;
    const int top = down - ring, bottom = down + ring, left = across - ring, right = across + ring;
    for (int y = std::max(0, top); y <= std::min(bottom, blocks_down_ - 1); ++y) {
      const bool is_whole = y == top || y == bottom;
      const int step = is_whole || ring == 0 ? 1 : right - left;
      for (int x = left; x <= right; x += step) {
        if (x >= 0 && x < blocks_across_) search_block(x, y, place);
      }
    }
  }
  return nearest_;
}

void MeshInverse::search_block(int block_x, int block_y, Point place) {
  const Block& block = blocks_[static_cast<std::size_t>(block_y) * static_cast<std::size_t>(blocks_across_) +
                               static_cast<std::size_t>(block_x)];
  if (place.x < block.left || place.x > block.right || place.y < block.top || place.y > block.bottom) return;
  const int right = std::min((block_x + 1) * kBlock, mesh_.size.width - 1);
  const int bottom = std::min((block_y + 1) * kBlock, mesh_.size.height - 1);
  for (int y = block_y * kBlock; y < bottom; ++y) {
    for (int x = block_x * kBlock; x < right; ++x) {
      const Point start{x + 0.5, y + 0.5}, end{x + 1.5, y + 1.5};
      search_cell({{mesh_.at(x, y), mesh_.at(x + 1, y), mesh_.at(x, y + 1), mesh_.at(x + 1, y + 1)}, start, end}, place);
    }
  }
}

// With u to the right and v down in a cell, the place is a + u (b - a) + v (c - a) + u v (a - b - c + d). Crossed with
// b - a + v (a - b - c + d), which takes u away, that is a quadratic equation for v.
void MeshInverse::search_cell(const Cell& cell, Point place) {
  const auto& [a, b, c, d] = cell.shows;
  if (place.x < std::min({a.x, b.x, c.x, d.x}) || place.x > std::max({a.x, b.x, c.x, d.x}) ||
      place.y < std::min({a.y, b.y, c.y, d.y}) || place.y > std::max({a.y, b.y, c.y, d.y})) {
    return;
  }
  const Point across = b - a, down = c - a, both = (a - b) + (d - c), to = place - a;
  double roots[2];
  const int count = roots_of(cross(both, down), cross(across, down) + cross(to, both), cross(to, across), roots);
  for (int i = 0; i < count; ++i) {
    const double v = roots[i];
    const Point along{across.x + v * both.x, across.y + v * both.y}, rest{to.x - v * down.x, to.y - v * down.y};
    const double u = std::abs(along.x) > std::abs(along.y) ? rest.x / along.x : rest.y / along.y;
    if (!is_part(u) || !is_part(v)) continue;
    hold({cell.start.x + u * (cell.end.x - cell.start.x), cell.start.y + v * (cell.end.y - cell.start.y)}, place);
  }
}

// A cell beyond the outermost centres reaches so far out, and everything in it moves as far as at its inner side.
MeshInverse::Cell MeshInverse::cell_at(int x, int y, double reach) const {
  const int right = mesh_.size.width - 1, bottom = mesh_.size.height - 1;
  const auto centre = [&](int at, int last) { return at < 0 ? 0.5 - reach : at > last ? last + 0.5 + reach : at + 0.5; };
  const Point start{centre(x, right), centre(y, bottom)}, end{centre(x + 1, right), centre(y + 1, bottom)};
  const auto shown = [&](int column, int row, Point there) {
    const int inner_x = std::clamp(column, 0, right), inner_y = std::clamp(row, 0, bottom);
    return mesh_.at(inner_x, inner_y) + (there - Point{inner_x + 0.5, inner_y + 0.5});
  };
  return {{shown(x, y, start), shown(x + 1, y, {end.x, start.y}), shown(x, y + 1, {start.x, end.y}), shown(x + 1, y + 1, end)},
          start, end};
}

std::optional<Point> MeshInverse::beyond(Point place) {
  nearest_.reset();
  const int right = mesh_.size.width - 1, bottom = mesh_.size.height - 1;
  const double reach = 2.0 * mesh_.most + std::abs(place.x) + std::abs(place.y) + right + bottom + 1;
  for (int x = -1; x <= right; ++x) {
    for (const int y : {-1, bottom}) search_cell(cell_at(x, y, reach), place);
  }
  for (int y = 0; y < bottom; ++y) {
    for (const int x : {-1, right}) search_cell(cell_at(x, y, reach), place);
  }
  return nearest_;
}

}  // namespace fastload
