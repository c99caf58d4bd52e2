#include "pipeline/mesh_view.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "pipeline/meshes.h"
#include "pipeline/sample_stream.h"
#include "tests/check.h"

using namespace fastload;

namespace {

constexpr Size kSize{50, 70};

bool is_within(const Polygon& clockwise, Point p) {
  for (std::size_t i = 0; i < clockwise.size(); ++i) {
    const Point a = clockwise[i], b = clockwise[(i + 1) % clockwise.size()];
    if ((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) < 0) return false;
  }
  return true;
}

// Of every pixel it is asked where it comes from.
Box of_all_pixels(const Mesh& mesh, const Polygon& clockwise) {
  Box box{1e9, 1e9, -1, -1};
  for (int y = 0; y < mesh.size.height; ++y) {
    for (int x = 0; x < mesh.size.width; ++x) {
      if (!is_within(clockwise, mesh.at(x, y))) continue;
      box = {std::min(box.left, double(x)), std::min(box.top, double(y)), std::max(box.right, x + 1.0),
             std::max(box.bottom, y + 1.0)};
    }
  }
  return box;
}

Polygon some_polygon(StepRandom& random) {
  const double x = random.uniform(-5, 75), y = random.uniform(-5, 55);
  const double across = random.uniform(0.3, 40), down = random.uniform(0.3, 30), angle = random.uniform(0, 6);
  const Box box{x - across, y - down, x + across, y + down};
  Polygon corners = random.below(3) == 0 ? object_of(box, Outline::kEllipse).ellipse : rectangle(box);
  if (random.below(2) == 0) return corners;
  const double c = std::cos(angle), s = std::sin(angle);
  for (Point& p : corners) p = {x + c * (p.x - x) - s * (p.y - y), y + s * (p.x - x) + c * (p.y - y)};
  return corners;
}

void what_is_seen_is_what_all_pixels_say() {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    StepRandom random(seed, 0);
    const bool is_grid = seed % 2 == 0;
    const auto mesh = is_grid ? grid_mesh({1, 4, {-0.9, 0.9}, {}}, kSize, random)
                              : elastic_mesh({1, seed % 3 == 0 ? 900.0 : 60.0, 80, 4, 3, {}}, kSize, random);
    for (int i = 0; i < 10; ++i) {
      const Polygon polygon = some_polygon(random);
      const Polygon seen = seen_through(*mesh, polygon);
      const Box expected = of_all_pixels(*mesh, polygon);
      CHECK(seen.empty() == (expected.right < 0));
      if (seen.empty()) continue;
      const Box box = enclosing(seen);
      CHECK(box.left == expected.left && box.top == expected.top && box.right == expected.right &&
            box.bottom == expected.bottom);
    }
  }
}

}  // namespace

int main() {
  what_is_seen_is_what_all_pixels_say();
  return 0;
}
