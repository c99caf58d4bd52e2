#include "pipeline/targets.h"

#include <cmath>

#include "tests/check.h"

using namespace fastload;

namespace {

bool near(double a, double b) { return std::abs(a - b) < 1e-9; }

Targets one_box(const Box& box, Outline outline = Outline::kRectangle) {
  return Targets({object_of(box, outline)}, {}, false);
}

WarpMove turned_by_90(Size size) {
  const Matrix3 forward{{{0, -1, double(size.height)}, {1, 0, 0}, {0, 0, 1}}};
  return {forward, *inverse(forward), {size.width, size.height}, {}};
}

void whole_pixels_stay_exact() {
  Targets targets = one_box({3, 5, 17, 11});
  targets.start({20, 30});
  targets.follow(FlipMove{true}, {20, 30});
  targets.follow(WindowMove{2, 1, {15, 25}}, {20, 30});
  targets.follow(turned_by_90({15, 25}), {15, 25});
  const Box box = targets.boxes().front();
  CHECK(box.left == 6 && box.top == 12 && box.right == 12 && box.bottom == 25);
  CHECK(targets.objects().front().visible_part() == 13.0 / 14);
  CHECK(targets.is_mirrored());
}

void a_turn_and_its_opposite_give_the_box_back() {
  Targets targets = one_box({40, 50, 60, 58});
  const Size size{100, 100};
  targets.start(size);
  for (const double angle : {0.3, -0.3}) {
    const double c = std::cos(angle), s = std::sin(angle);
    const Matrix3 forward = Matrix3::translation(50, 50) * Matrix3{{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}} *
                            Matrix3::translation(-50, -50);
    targets.follow(WarpMove{forward, *inverse(forward), size, {}}, size);
  }
  const Box box = targets.boxes().front();
  CHECK(near(box.left, 40) && near(box.top, 50) && near(box.right, 60) && near(box.bottom, 58));
}

void what_a_canvas_cuts_off_does_not_come_back() {
  Targets targets = one_box({0, 0, 10, 10});
  targets.start({10, 10});
  targets.follow(WindowMove{0, 6, {10, 4}}, {10, 10});
  targets.follow(PadMove{{20, 0, 20, 0}, {}, PadMode::kConstant}, {10, 4});
  const Box box = targets.boxes().front();
  CHECK(box.left == 20 && box.right == 24);
  CHECK(near(targets.objects().front().visible_part(), 0.4));
}

void what_has_been_done_goes_on() {
  Targets targets = one_box({0, 0, 10, 10});
  targets.start({10, 10});
  targets.follow(WindowMove{0, 6, {10, 4}}, {10, 10});
  targets.go_on();
  for (int i = 0; i < 2; ++i) {  // as often as it starts
    targets.start({10, 4});
    targets.follow(PadMove{{20, 0, 20, 0}, {}, PadMode::kConstant}, {10, 4});
    const Box box = targets.boxes().front();
    CHECK(box.left == 20 && box.right == 24);
    CHECK(near(targets.objects().front().visible_part(), 0.4));
  }
}

void objects_resume_what_others_were() {
  Targets before({object_of({50, 50, 60, 60}, Outline::kRectangle), object_of({0, 0, 10, 10}, Outline::kRectangle)}, {},
                 false);
  before.start({100, 10});
  before.follow(WindowMove{0, 6, {100, 4}}, {100, 10});
  Targets after({object_of({0, 0, 4, 10}, Outline::kRectangle), object_of({1, 1, 2, 2}, Outline::kRectangle)}, {}, false);
  after.resume(before, {1, -1});
  after.start({100, 4});
  CHECK(near(after.objects()[0].visible_part(), 0.4) && near(after.objects()[1].visible_part(), 1));
  CHECK(enclosing(after.objects()[0].outline).left == -6);
}

void an_ellipse_counts_only_where_something_turns() {
  const Size size{100, 100};
  Targets targets = one_box({0, 0, 100, 100}, Outline::kEllipse);
  targets.start(size);
  targets.follow(WindowMove{0, 90, {100, 10}}, size);
  Box box = targets.boxes().front();
  CHECK(box.left == 0 && box.top == 0 && box.right == 10 && box.bottom == 100);
  CHECK(near(targets.objects().front().visible_part(), 0.1));
  targets.follow(turned_by_90({100, 10}), {100, 10});
  box = targets.boxes().front();
  CHECK(near(box.left, 0) && near(box.top, 0) && near(box.right, 100) && near(box.bottom, 10));
  CHECK(near(targets.objects().front().visible_part(), 0.1));
}

void an_object_behind_the_viewer_is_cut() {
  Targets targets = one_box({0, 0, 100, 10});
  targets.start({10, 100});
  const Matrix3 forward{{{1, 0, 0}, {0, 1, 0}, {-0.02, 0, 1}}};  // x = 50 goes to infinity
  targets.follow(WarpMove{forward, Matrix3{}, {10, 100}, {}}, {10, 100});
  const Box box = targets.boxes().front();
  CHECK(box.left == 0 && box.right == 100 && std::isfinite(box.bottom));
}

void what_comes_near_infinity_is_still_there() {
  Targets targets = one_box({0, 2, 45, 8});
  targets.start({10, 1000});
  const Matrix3 forward{{{1, 0, 0}, {0, 1, 0}, {-0.02, 0, 1}}};
  targets.follow(WarpMove{forward, Matrix3{}, {100, 1000}, {}}, {10, 1000});
  const Box box = targets.boxes().front();
  CHECK(near(box.right, 450) && near(box.bottom, 80));  // a tenth of the way from the horizon
}

void as_much_of_an_ellipse_is_visible_after_it_turns() {
  for (const double angle : {0.2, 0.7, 1.2}) {
    Targets targets = one_box({30, 30, 70, 70}, Outline::kEllipse);
    targets.start({100, 100});
    targets.follow(WindowMove{0, 50, {100, 50}}, {100, 100});
    targets.follow(PadMove{{50, 0, 0, 0}, {}, PadMode::kConstant}, {100, 50});
    const double c = std::cos(angle), s = std::sin(angle);
    const Matrix3 forward = Matrix3::translation(50, 50) * Matrix3{{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}} *
                            Matrix3::translation(-50, -50);
    targets.follow(WarpMove{forward, *inverse(forward), {100, 100}, {}}, {100, 100});
    CHECK(near(targets.objects().front().visible_part(), 0.5));
  }
}

void what_is_hardly_wider_than_nothing_is_gone() {
  for (const double side : {0.0005, 0.002}) {
    Targets targets = one_box({5, 5, 5 + side, 15});
    targets.start({20, 20});
    CHECK(targets.boxes().empty() == (side < kLeastSide));
  }
}

void an_ellipse_ends_where_its_box_does() {
  for (const Box& box : {Box{1, 2, 4, 9}, Box{0.1, 0.2, 0.7, 0.9}}) {
    const Box around = enclosing(object_of(box, Outline::kEllipse).ellipse);
    CHECK(around.left == box.left && around.top == box.top && around.right == box.right && around.bottom == box.bottom);
  }
}

void polygons_are_cut_and_measured() {
  const Polygon diamond{{0, -5}, {5, 0}, {0, 5}, {-5, 0}};
  CHECK(near(area(diamond), 50));
  CHECK(near(area(cut_to(diamond, 10, 10)), 12.5));
  CHECK(cut_to({{-5, -5}, {-1, -5}, {-1, -1}}, 10, 10).empty());
}

}  // namespace

int main() {
  whole_pixels_stay_exact();
  a_turn_and_its_opposite_give_the_box_back();
  what_a_canvas_cuts_off_does_not_come_back();
  what_has_been_done_goes_on();
  objects_resume_what_others_were();
  an_ellipse_counts_only_where_something_turns();
  an_object_behind_the_viewer_is_cut();
  what_comes_near_infinity_is_still_there();
  as_much_of_an_ellipse_is_visible_after_it_turns();
  what_is_hardly_wider_than_nothing_is_gone();
  an_ellipse_ends_where_its_box_does();
  polygons_are_cut_and_measured();
  return 0;
}
