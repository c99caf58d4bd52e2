#include "pipeline/plan.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <vector>

#include "pipeline/axis_map.h"
#include "tests/check.h"

using namespace fastload;

namespace {

// What each output position shows, spelt out.
std::vector<int> shown(const AxisMap& map) {
  std::vector<int> positions;
  for (const Run& run : map.runs()) {
    CHECK(run.begin == static_cast<int>(positions.size()));
    for (int i = 0; i < run.count; ++i) positions.push_back(run.input(i));
  }
  CHECK(map.size() == static_cast<int>(positions.size()));
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

// What a list of positions would show.
Positions padded(const Positions& inner, int before, int after, PadMode mode) {
  const int size = static_cast<int>(inner.size());
  Positions positions;
  for (int i = -before; i < size + after; ++i) {
    const bool is_mirrored = mode == PadMode::kReflect || mode == PadMode::kSymmetric;
    const int skipped = mode == PadMode::kReflect ? 1 : 0;
    int from = std::clamp(i, 0, size - 1);
    if (from != i && is_mirrored) from = i < 0 ? -i - 1 + skipped : 2 * size - 1 - i - skipped;
    positions.push_back(from != i && mode == PadMode::kConstant ? -1 : inner[static_cast<std::size_t>(from)]);
  }
  return positions;
}

void any_chain_shows_what_a_list_of_positions_would() {
  std::mt19937 random(3);
  const auto below = [&](int count) { return static_cast<int>(random() % static_cast<unsigned>(count)); };
  for (int chain = 0; chain < 2000; ++chain) {
    AxisMap map;
    Positions positions(static_cast<std::size_t>(1 + below(9)));
    std::iota(positions.begin(), positions.end(), 0);
    map.reset(static_cast<int>(positions.size()));
    for (int step = 0; step < 6; ++step) {
      const int size = static_cast<int>(positions.size()), kind = below(6);
      if (kind == 0) {
        map.flip();
        std::reverse(positions.begin(), positions.end());
      } else if (kind == 1) {
        const int start = below(size), count = 1 + below(size - start);
        map.crop(start, count);
        positions = Positions(positions.begin() + start, positions.begin() + start + count);
      } else {
        const auto mode = std::array{PadMode::kConstant, PadMode::kEdge, PadMode::kReflect, PadMode::kSymmetric}[kind - 2u];
        const int before = below(size), after = below(size);
        map.pad(before, after, mode);
        positions = padded(positions, before, after, mode);
      }
      CHECK(shown(map) == positions);
      const auto are_borders = [](const Run& run, const Run& next) { return run.is_border() && next.is_border(); };
      CHECK(std::adjacent_find(map.runs().begin(), map.runs().end(), are_borders) == map.runs().end());
      if (map.is_range()) CHECK(positions.front() == map.begin() + (map.is_reversed() ? map.size() - 1 : 0));
    }
    const AxisMap::Span span = map.rebase();
    const int end = *std::max_element(positions.begin(), positions.end()) + 1;
    CHECK(span.end == std::max(end, 1));
    CHECK(end == 0 || std::count(positions.begin(), positions.end(), span.begin) > 0);
    for (int& position : positions) position -= position < 0 ? 0 : span.begin;
    CHECK(shown(map) == positions);
    CHECK(std::all_of(positions.begin(), positions.end(), [](int position) { return position >= -1; }));
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
  any_chain_shows_what_a_list_of_positions_would();
  a_window_of_nothing_but_border_still_reads_one_position();
  crops_resize_and_flip_are_one_stage();
  what_would_change_pixels_begins_a_stage();
}
