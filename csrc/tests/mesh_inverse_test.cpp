#include "pipeline/mesh_inverse.h"

#include <cmath>

#include "pipeline/meshes.h"
#include "pipeline/sample_stream.h"
#include "tests/check.h"

using namespace fastload;

namespace {

constexpr Size kSize{50, 70};

double apart(Point a, Point b) { return std::hypot(a.x - b.x, a.y - b.y); }

bool is_in_picture(Point p, Size size) { return p.x >= 0 && p.y >= 0 && p.x <= size.width && p.y <= size.height; }

// Of every pixel it is known where it comes from: there it goes, or to a place nearer by that shows the same.
void pixels_go_to_where_they_are_shown() {
  for (const double alpha : {30.0, 300.0, 3000.0}) {
    StepRandom random(3, 0);
    const auto mesh = elastic_mesh({1, alpha, alpha, 4, 4, {}}, kSize, random);
    MeshInverse moved(*mesh);
    for (int y = 0; y < kSize.height; ++y) {
      for (int x = 0; x < kSize.width; ++x) {
        const Point place = mesh->at(x, y), centre{x + 0.5, y + 0.5}, out = moved(place);
        CHECK(is_in_picture(out, kSize));
        CHECK(apart(out, place) < apart(centre, place) + 1e-6);
        if (alpha < 50) CHECK(apart(out, centre) < 1e-6);
      }
    }
  }
}

void pixels_of_a_grid_do_so_too() {
  StepRandom random(3, 0);
  const auto mesh = grid_mesh({1, 6, {-0.9, 0.9}, {}}, kSize, random);
  MeshInverse moved(*mesh);
  for (int x = 0; x < kSize.width; ++x) CHECK(apart(moved(mesh->at(x, 20)), {x + 0.5, 20.5}) < 1e-3);
  const Polygon corners = moved(rectangle({0, 0, 70, 50}));
  CHECK(corners[0].x == 0 && corners[0].y == 0 && corners[2].x == 70 && corners[2].y == 50);
}

// What is near the border may be pushed over it; nothing is lost, however small or far away.
void every_place_goes_somewhere() {
  for (const Size size : {Size{1, 1}, Size{1, 9}, Size{9, 1}, Size{2, 2}, Size{17, 16}, Size{40, 33}}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      StepRandom random(seed, 0);
      const auto mesh = elastic_mesh({1, 200, 200, 3, 3, {}}, size, random);
      MeshInverse moved(*mesh);
      for (int i = 0; i < 50; ++i) {
        const Point place{random.uniform(-5, size.width + 5), random.uniform(-5, size.height + 5)}, out = moved(place);
        CHECK(std::max(std::abs(out.x - place.x), std::abs(out.y - place.y)) <= mesh->most + 1e-6);
      }
      const Point far = moved({1e300, -1e9});
      CHECK(std::isfinite(far.x) && std::isfinite(far.y) && !is_in_picture(far, size));
    }
  }
}

void beyond_the_border_places_move_as_at_it() {
  Mesh mesh;
  mesh.size = {2, 3};
  for (const float y : {0.75F, 1.75F}) {
    for (const float x : {0.25F, 1.25F, 2.25F}) mesh.xy.insert(mesh.xy.end(), {x, y});
  }
  mesh.most = 0.25F;
  MeshInverse moved(mesh);
  for (const Point place : {Point{0.25, 0.75}, Point{1, 1}, Point{0, 0}, Point{3, 2}, Point{-7, 1}, Point{1.4, 9}}) {
    CHECK(apart(moved(place), {place.x + 0.25, place.y - 0.25}) < 1e-6);
  }
}

}  // namespace

int main() {
  pixels_go_to_where_they_are_shown();
  pixels_of_a_grid_do_so_too();
  every_place_goes_somewhere();
  beyond_the_border_places_move_as_at_it();
  return 0;
}
