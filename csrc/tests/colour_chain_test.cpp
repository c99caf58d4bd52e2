// Changes of colours in a row: how many passes they are, and what they give against one change after the other.
#include "pipeline/colour_chain.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "core/cpu.h"
#include "kernels/tone.h"
#include "pipeline/pixel_run.h"
#include "tests/check.h"

using namespace fastload;

namespace {

struct Picture {
  int height, width, channels = 4;
  std::vector<std::uint8_t> bytes;
  Picture(int rows, int columns)
      : height(rows), width(columns), bytes(static_cast<std::size_t>(4 * rows * columns) + kRowPadding) {}
  ImageView view() { return {bytes.data(), height, width, channels, std::ptrdiff_t{channels} * width}; }
};

// By how many levels the two are apart; the fourth byte of a pixel means nothing.
int distance(const Picture& a, const Picture& b) {
  int most = 0;
  for (std::size_t i = 0; i + kRowPadding < a.bytes.size(); ++i) {
    if (i % 4 != 3) most = std::max(most, std::abs(a.bytes[i] - b.bytes[i]));
  }
  return most;
}

Picture noise(int height, int width) {
  std::mt19937 random(9);
  Picture picture(height, width);
  for (auto& level : picture.bytes) level = static_cast<std::uint8_t>(random());
  return picture;
}

// Every fifth level of each channel with every fifth of the others: both ends of the range, all greys among them.
Picture all_colours() {
  constexpr int kSide = 52;
  Picture picture(kSide, kSide * kSide);
  for (int i = 0; i < kSide * kSide * kSide; ++i) {
    const auto at = static_cast<std::size_t>(4 * i);
    picture.bytes[at] = static_cast<std::uint8_t>(i % kSide * 5);
    picture.bytes[at + 1] = static_cast<std::uint8_t>(i / kSide % kSide * 5);
    picture.bytes[at + 2] = static_cast<std::uint8_t>(i / (kSide * kSide) * 5);
  }
  return picture;
}

ColourPass line(double slope, double offset) {
  return table_pass(linear_table(slope, offset), Line{slope, offset, Rounding::kNearest});
}
ColourPass brightness(double factor) {
  return table_pass(brightness_table(factor), Line{static_cast<float>(factor), 0, Rounding::kDown});
}
ColourPass contrast(double factor, double mean) {
  const double slope = static_cast<float>(factor);
  return table_pass(contrast_table(factor, mean), Line{slope, (1 - slope) * std::floor(mean + 0.5), Rounding::kDown});
}
ColourPass invert() { return table_pass(invert_table(), Line{-1, 255, Rounding::kNone}); }
ColourPass gamma(double exponent) { return table_pass(gamma_table(exponent, 1), std::nullopt); }
ColourPass permute(int first, int second, int third) {
  const int order[3] = {first, second, third};
  return permutation_pass(order);
}
ColourPass three_tables() {
  LevelTable table = gamma_table(1.3, 1);
  table[1] = solarize_table(90)[0];
  table[2] = posterize_table(3)[0];
  return table_pass(table, std::nullopt);
}

using Changes = std::vector<ColourPass>;

ColourChain chain_of(const Changes& changes) {
  ColourChain chain;
  for (const ColourPass& change : changes) chain.add(change);
  return chain;
}

std::size_t passes(const Changes& changes) { return chain_of(changes).passes(); }

Picture together(Picture picture, const Changes& changes) {
  chain_of(changes).run(picture.view());
  return picture;
}

Picture one_by_one(Picture picture, const Changes& changes) {
  for (const ColourPass& change : changes) picture = together(picture, {change});
  return picture;
}

void straight_lines_are_one_matrix() {
  const std::vector<Changes> rows{
      {saturation_pass(0.9F), saturation_pass(0.7F)},
      {saturation_pass(0.9F), saturation_pass(0.8F), saturation_pass(0.7F), saturation_pass(0.6F)},
      {saturation_pass(0), saturation_pass(0.5F)},
      {brightness(0.7), saturation_pass(0.8F), invert(), permute(2, 0, 1)},
      {permute(1, 2, 0), saturation_pass(1.4F)},
      {saturation_pass(1.4F), permute(1, 2, 0), invert()},  // what is cut off before is cut off after
      {contrast(0.6, 133.2), saturation_pass(1.3F)},
      {line(0.5, 60), saturation_pass(0.4F), line(-0.7, 200)},
      {brightness(0.9), invert(), line(0.9, 10), saturation_pass(1.2F)},
  };
  for (const Changes& row : rows) {
    CHECK(passes(row) == 1);
    const int apart = distance(together(all_colours(), row), one_by_one(all_colours(), row));
    CHECK(apart <= static_cast<int>(row.size()));
  }
}

// Stronger colours spread what was rounded, and so does what takes one channel from another.
void what_is_rounded_before_stays_within_a_level_for_each() {
  const Picture colours = all_colours();
  int fused = 0, apart = 0;
  for (const float factor : {1.2F, 1.6F, 2.0F, 2.3F, 2.6F, 3.0F, 3.4F}) {
    const std::vector<Changes> rows{
        {brightness(0.37), saturation_pass(factor)},
        {brightness(0.37), invert(), saturation_pass(factor)},
        {line(-0.37, 200), saturation_pass(factor)},
        {saturation_pass(0.43F), saturation_pass(factor)},
    };
    for (const Changes& row : rows) {
      CHECK(distance(together(colours, row), one_by_one(colours, row)) <= static_cast<int>(row.size()));
      (passes(row) == 1 ? fused : apart) += 1;
    }
  }
  CHECK(fused > 0 && apart > 0);
}

void what_is_cut_off_or_bent_between_stays_apart() {
  CHECK(passes({saturation_pass(1.2F), saturation_pass(0.9F)}) == 2);
  CHECK(passes({brightness(1.1), saturation_pass(0.9F)}) == 2);
  CHECK(passes({line(1, -3), saturation_pass(0.9F)}) == 2);
  CHECK(passes({gamma(0.8), saturation_pass(0.9F)}) == 2);
  CHECK(passes({saturation_pass(0.9F), gamma(0.8)}) == 2);
  CHECK(passes({saturation_pass(0.9F), hsv_pass({0.1F, 0, 0}), saturation_pass(0.9F)}) == 3);
  CHECK(passes({saturation_pass(1.3F), invert(), saturation_pass(0.9F)}) == 2);
  // Levels that are rounded away, and spread again.
  CHECK(passes({brightness(0.05), saturation_pass(3.5F)}) == 2);
  CHECK(passes({saturation_pass(0.3F), saturation_pass(3.3F)}) == 2);
}

void tables_and_permutations_are_one_and_the_same_bits() {
  const std::vector<Changes> rows{
      {gamma(0.7), brightness(1.4), invert()},
      {permute(1, 2, 0), permute(2, 1, 0)},
      {permute(1, 2, 0), three_tables(), permute(2, 0, 1), three_tables()},
      {three_tables(), permute(0, 2, 1), brightness(1.7), three_tables(), permute(1, 2, 0)},
  };
  for (const Changes& row : rows) {
    CHECK(passes(row) == 1);
    CHECK(distance(together(noise(31, 67), row), one_by_one(noise(31, 67), row)) == 0);
  }
}

// What stays apart is made band by band, in a row of bands of which the last is smaller.
void passes_in_bands_are_the_same_bits() {
  const Changes row{saturation_pass(1.4F), gamma(0.8), saturation_pass(1.2F), hsv_pass({0.1F, 0.1F, 0}), three_tables()};
  CHECK(passes(row) == row.size());
  for (const int width : {1, 333, 40000}) {
    const Picture picture = noise(width == 40000 ? 3 : 250, width);
    CHECK(distance(together(picture, row), one_by_one(picture, row)) == 0);
  }
}

void greys_stay_what_saturations_leave_them() {
  Picture greys(1, 256);
  for (std::size_t i = 0; i < 1024; ++i) greys.bytes[i] = static_cast<std::uint8_t>(i / 4);
  for (const float factor : {0.0F, 0.15F, 0.3F, 0.77F, 1.0F}) {
    const Changes row{saturation_pass(0.93F), saturation_pass(factor), saturation_pass(0.61F)};
    CHECK(passes(row) == 1);
    CHECK(distance(together(greys, row), greys) == 0);
  }
}

ColourPass any_change(std::mt19937& random) {
  const auto between = [&](double low, double high) { return std::uniform_real_distribution(low, high)(random); };
  switch (random() % 7) {
    case 0: return brightness(between(0, 1.3));
    case 1: return contrast(between(0, 1.3), between(0, 255));
    case 2: return line(between(-1.1, 1.1), between(-20, 275));
    case 3: return invert();
    case 4: {
      int order[3] = {0, 1, 2};
      std::shuffle(order, order + 3, random);
      return permutation_pass(order);
    }
    default: return saturation_pass(static_cast<float>(between(-0.1, 1.5)));
  }
}

// The promise: no more than one level for each of the changes that have become one pass.
void any_changes_that_are_one_pass_are_a_level_off_for_each() {
  std::mt19937 random(4);
  const Picture colours = all_colours();
  int matrices = 0;
  for (int i = 0; i < 1200 && matrices < 150; ++i) {
    Changes row;
    for (int count = 2 + static_cast<int>(random() % 4); count > 0; --count) {
      row.push_back(any_change(random));
      if (passes(row) > 1) row.pop_back();
    }
    if (row.size() < 2) continue;
    const bool exact = std::all_of(row.begin(), row.end(), [](const ColourPass& change) { return change.levels.has_value(); });
    const int apart = distance(together(colours, row), one_by_one(colours, row));
    CHECK(apart <= (exact ? 0 : static_cast<int>(row.size())));
    matrices += exact ? 0 : 1;
  }
  CHECK(matrices == 150);
}

// The runner's own lines are those of its tables.
void moves_are_what_they_are_one_by_one() {
  const auto move = [](PixelKind kind, double first = 0, double second = 0, double third = 0) {
    return ColourMove(PixelMove{kind, {first, second, third, 0}, 1});
  };
  const std::vector<std::vector<ColourMove>> rows{
      {move(PixelKind::kBrightness, 0.8), move(PixelKind::kSaturation, 0.7), move(PixelKind::kInvert)},
      {move(PixelKind::kContrast, 0.8), move(PixelKind::kSaturation, 0.7), move(PixelKind::kPermute, 3)},
      {move(PixelKind::kLinearOfMean, 0.8, 0.1), move(PixelKind::kSaturation, 0.7)},
      {move(PixelKind::kSaturation, 0.9), move(PixelKind::kLinear, 1.5, 30, 1), move(PixelKind::kSaturation, 0.9)},
      {move(PixelKind::kSaturation, 0.9), move(PixelKind::kSaturation, 0.8), move(PixelKind::kEqualize)},
  };
  for (const auto& row : rows) {
    const bool is_bent = std::get<PixelMove>(row.back()).kind == PixelKind::kEqualize;
    for (const int channels : {1, 4}) {
      Picture fused = noise(40, 50);
      fused.channels = channels;
      Picture apart = fused;
      PixelRunner runner;
      ImageView image = fused.view(), other = apart.view();
      CHECK(runner.run(row, &image).ok());
      for (const ColourMove& one : row) CHECK(runner.run({one}, &other).ok());
      const int most = channels == 1 ? 0 : is_bent ? 12 : static_cast<int>(row.size());
      CHECK(distance(fused, apart) <= most);
    }
  }
}

}  // namespace

int main() {
  for (const Simd most : {Simd::kScalar, Simd::kAvx512}) {
    limit_simd(most);
    straight_lines_are_one_matrix();
    what_is_rounded_before_stays_within_a_level_for_each();
    tables_and_permutations_are_one_and_the_same_bits();
    passes_in_bands_are_the_same_bits();
    any_changes_that_are_one_pass_are_a_level_off_for_each();
  }
  what_is_cut_off_or_bent_between_stays_apart();
  greys_stay_what_saturations_leave_them();
  moves_are_what_they_are_one_by_one();
}
