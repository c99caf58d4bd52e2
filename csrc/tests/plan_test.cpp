#include "pipeline/plan.h"

#include <vector>

#include "pipeline/axis_map.h"
#include "tests/check.h"

using namespace fastload;

namespace {

// What each output position shows, spelt out.
std::vector<int> shown(const AxisMap& map) {
  std::vector<int> positions;
  for (int i = 0; i < map.size(); ++i) {
    positions.push_back(map.map() != nullptr ? map.map()[i]
                                             : map.begin() + (map.is_reversed() ? map.size() - 1 - i : i));
  }
  return positions;
}

using Positions = std::vector<int>;

void axes_are_cropped_and_flipped_in_any_order() {
  AxisMap map;
  map.reset(10);
  map.crop(2, 6);
  CHECK((shown(map) == Positions{2, 3, 4, 5, 6, 7}));
  map.flip();
  map.crop(1, 3);
  CHECK((shown(map) == Positions{6, 5, 4}));
  map.flip();
  CHECK((shown(map) == Positions{4, 5, 6}));
  const AxisMap::Span span = map.rebase();
  CHECK(span.begin == 4 && span.end == 7);
  CHECK((shown(map) == Positions{0, 1, 2}));
}

void borders_show_what_their_mode_says() {
  AxisMap map;
  for (const auto& [mode, expected] : {std::pair{PadMode::kConstant, Positions{-1, -1, 0, 1, 2, -1}},
                                       std::pair{PadMode::kEdge, Positions{0, 0, 0, 1, 2, 2}},
                                       std::pair{PadMode::kReflect, Positions{2, 1, 0, 1, 2, 1}},
                                       std::pair{PadMode::kSymmetric, Positions{1, 0, 0, 1, 2, 2}}}) {
    map.reset(3);
    map.pad(2, 1, mode);
    CHECK(shown(map) == expected);
  }
}

void a_window_of_nothing_but_border_still_reads_one_position() {
  AxisMap map;
  map.reset(3);
  map.pad(4, 0, PadMode::kConstant);
  map.crop(0, 2);
  const AxisMap::Span span = map.rebase();
  CHECK(span.begin == 0 && span.end == 1);
  CHECK((shown(map) == Positions{-1, -1}));
}

void crops_resize_and_flip_are_one_stage() {
  Plan plan;
  plan.begin({100, 200}, 3);
  plan.add(FlipMove{true});
  plan.add(WindowMove{10, 20, {50, 60}});
  plan.add(ResizeMove{{32, 40}, Filter::kBilinear});
  plan.add(WindowMove{4, 8, {24, 24}});
  plan.add(FlipMove{false});
  plan.end();
  CHECK(plan.stages() == 1);
  const Stage& stage = plan.stage(0);
  CHECK(stage.resized && stage.window.x == 120 && stage.window.y == 10);
  CHECK(stage.window.width == 60 && stage.window.height == 50);
  CHECK(stage.wanted_rows.begin == 4 && stage.wanted_rows.end == 28);
  CHECK(stage.wanted_columns.begin == 8 && stage.wanted_columns.end == 32);
  CHECK(stage.columns.is_reversed() && stage.rows.is_reversed());
  CHECK((plan.size() == Size{24, 24}));
}

void what_would_change_pixels_begins_a_stage() {
  Plan plan;
  plan.begin({10, 10}, 3);
  plan.add(ResizeMove{{8, 8}, Filter::kBilinear});
  plan.add(ResizeMove{{6, 6}, Filter::kBilinear});
  plan.end();
  CHECK(plan.stages() == 2);
  plan.begin({10, 10}, 3);
  plan.add(PadMove{{1, 1, 1, 1}, {}, PadMode::kEdge});
  plan.add(ResizeMove{{6, 6}, Filter::kBilinear});
  plan.end();
  CHECK(plan.stages() == 2);
  plan.begin({10, 10}, 3);
  plan.add(FlipMove{true});
  plan.add(ResizeMove{{6, 6}, Filter::kNearest});
  plan.end();
  CHECK(plan.stages() == 2);
}

}  // namespace

int main() {
  axes_are_cropped_and_flipped_in_any_order();
  borders_show_what_their_mode_says();
  a_window_of_nothing_but_border_still_reads_one_position();
  crops_resize_and_flip_are_one_stage();
  what_would_change_pixels_begins_a_stage();
}
