#include "pipeline/index_map.h"

#include <algorithm>
#include <cmath>

#include "kernels/resample.h"
#include "kernels/warp.h"

namespace fastload {
namespace {

constexpr std::int64_t kNone = -1;
using Map = std::vector<std::int64_t>;

// The input position that each output position of one axis shows.
Map axis_positions(const AxisMap& axis, bool resized, int begin, int length, int full, AxisMap::Span wanted) {
  AxisWeights nearest;
  if (resized) nearest.make(Filter::kNearest, length, 0, length, full, wanted.begin, wanted.end);
  Map positions;
  positions.reserve(static_cast<std::size_t>(axis.size()));
  for (const Run& run : axis.runs()) {
    for (int i = 0; i < run.count; ++i) {
      const int at = run.input(i);
      positions.push_back(run.is_border() ? kNone : begin + (resized ? nearest.first(at) : at));
    }
  }
  return positions;
}

Map placed_map(const Stage& stage, Size in) {
  const Map rows = axis_positions(stage.rows, stage.resized, stage.window.y, stage.window.height, stage.full.height,
                                  stage.wanted_rows);
  const Map columns = axis_positions(stage.columns, stage.resized, stage.window.x, stage.window.width,
                                     stage.full.width, stage.wanted_columns);
  Map map;
  map.reserve(rows.size() * columns.size());
  for (const std::int64_t y : rows) {
    for (const std::int64_t x : columns) map.push_back(y == kNone || x == kNone ? kNone : y * in.width + x);
  }
  return map;
}

int clamped(double place, int begin, int length) {
  return static_cast<int>(std::clamp(std::floor(place), double(begin), double(begin + length - 1)));
}

Map warped_map(const Stage& stage, Size in) {
  Map map(static_cast<std::size_t>(stage.out.height) * static_cast<std::size_t>(stage.out.width), kNone);
  const double across = static_cast<double>(stage.window.width) / stage.full.width;
  const double down = static_cast<double>(stage.window.height) / stage.full.height;
  for (int y = 0; y < stage.out.height; ++y) {
    const RowSpan span = visible_span(stage.canvases, y, stage.out.width);
    std::int64_t* row = map.data() + static_cast<std::ptrdiff_t>(y) * stage.out.width;
    for (int x = span.begin; x < span.end; ++x) {
      const Point read = stage.to_read({x + 0.5, y + 0.5});
      const int column = clamped(stage.window.x + read.x * across, stage.window.x, stage.window.width);
      row[x] = std::int64_t{clamped(stage.window.y + read.y * down, stage.window.y, stage.window.height)} * in.width + column;
    }
  }
  return map;
}

Map meshed_map(const Mesh& mesh) {
  const Size size = mesh.size;
  Map map;
  map.reserve(static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width));
  for (int row = 0; row < size.height; ++row) {
    for (int column = 0; column < size.width; ++column) {
      const Point place = mesh.at(column, row);
      const bool inside = place.x >= 0 && place.y >= 0 && place.x < size.width && place.y < size.height;
      map.push_back(inside ? std::int64_t{static_cast<int>(place.y)} * size.width + static_cast<int>(place.x) : kNone);
    }
  }
  return map;
}

Map stage_map(const Stage& stage, Size in) {
  if (stage.mesh != nullptr) return meshed_map(*stage.mesh);
  return stage.warped ? warped_map(stage, in) : placed_map(stage, in);
}

}  // namespace

std::vector<std::int64_t> shown_pixels(const Plan& plan, Size size) {
  const auto input_of = [&](int number) { return number == 0 ? size : plan.stage(number - 1).out; };
  int number = plan.stages() - 1;
  Map shown = stage_map(plan.stage(number), input_of(number));
  while (--number >= 0) {
    const Map before = stage_map(plan.stage(number), input_of(number));
    for (std::int64_t& pixel : shown) pixel = pixel == kNone ? kNone : before[static_cast<std::size_t>(pixel)];
  }
  return shown;
}

}  // namespace fastload
