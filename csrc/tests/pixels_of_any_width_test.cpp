// Kernels of colours and filters: the same bits with and without vector instructions, wherever a row ends.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "core/cpu.h"
#include "core/luminance.h"
#include "kernels/channels.h"
#include "kernels/clahe.h"
#include "kernels/color.h"
#include "kernels/filters.h"
#include "kernels/look_up.h"
#include "kernels/tone.h"
#include "kernels/warp.h"
#include "tests/check.h"

using namespace fastload;

namespace {

constexpr int kHeight = 5;
constexpr std::uint8_t kUntouched = 0xA5;

struct Picture {
  std::vector<std::uint8_t> bytes;
  ImageView view;
  Picture(int width, int channels) : bytes(static_cast<std::size_t>(kHeight * width * channels) + kRowPadding, kUntouched) {
    view = {bytes.data(), kHeight, width, channels, width * channels};
  }
  Picture(int width, int channels, std::mt19937& random) : Picture(width, channels) {
    for (int i = 0; i < kHeight * width * channels; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(random());
  }
  // The fourth byte of a pixel means nothing.
  bool operator==(const Picture& other) const {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const bool counts = view.channels != 4 || i % 4 != 3 || i >= bytes.size() - kRowPadding;
      if (counts && bytes[i] != other.bytes[i]) return false;
    }
    return true;
  }
};

using Change = std::function<void(ImageView in, ImageView out)>;

void each_width(const std::vector<int>& channels, const Change& change) {
  std::mt19937 random(1);
  for (int width = 1; width < 140; ++width) {
    for (const int count : channels) {
      const Picture in(width, count, random);
      Picture plain(width, count), best(width, count);
      limit_simd(Simd::kScalar);
      change(in.view, plain.view);
      limit_simd(Simd::kAvx512);
      change(in.view, best.view);
      CHECK(plain == best);
    }
  }
}

Change in_place(const std::function<void(ImageView)>& change) {
  return [=](ImageView in, ImageView out) {
    std::memcpy(out.data, in.data, static_cast<std::size_t>(in.height * in.row_bytes));
    change(out);
  };
}

LevelTable some_table(unsigned seed) {
  std::mt19937 random(seed);
  LevelTable table;
  for (auto& level : table[0]) level = static_cast<std::uint8_t>(random());
  table[1] = table[2] = table[0];
  return table;
}

// Every table, looked up and not, against the definition of a table.
void tables_give_what_they_hold() {
  std::vector<LevelTable> tables{identity_table(), invert_table(), gamma_table(0.7, 1), some_table(3)};
  for (int bits = 0; bits <= 8; ++bits) tables.push_back(posterize_table(bits));
  for (const double threshold : {0.0, 1.0, 127.5, 255.0, 256.0}) {
    tables.push_back(solarize_table(threshold));
    tables.push_back(composed(solarize_table(threshold), posterize_table(3)));
    tables.push_back(composed(posterize_table(2), solarize_table(threshold)));
  }
  LevelTable three = some_table(4);
  three[1] = invert_table()[0];
  tables.push_back(three);
  std::mt19937 random(2);
  for (const LevelTable& table : tables) {
    for (const int width : {1, 31, 32, 33, 100, 300}) {
      for (const int channels : {1, 3, 4}) {
        for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
          limit_simd(most);
          const Picture in(width, channels, random);
          Picture out(width, channels);
          look_up(in.view, table, out.view);
          for (int i = 0; i < kHeight * width * channels; ++i) {
            const int channel = channels == 1 ? 0 : i % channels;
            if (channel == 3) continue;
            const auto at = static_cast<std::size_t>(i);
            CHECK(out.bytes[at] == table[static_cast<std::size_t>(channel)][in.bytes[at]]);
          }
          CHECK(out.bytes[static_cast<std::size_t>(kHeight * width * channels)] == kUntouched);
        }
      }
    }
  }
}

// Tables of lines are computed, unless one of their levels is another, be it beyond where the line is cut off.
void lines_give_their_tables() {
  constexpr int kWidth = 1201;  // the last of 32 bytes is not the picture's
  constexpr std::size_t kBytes = std::size_t{kHeight} * kWidth * 3;
  std::mt19937 random(5);
  std::uniform_real_distribution<double> slopes(-4.5, 4.5), offsets(-300, 300);
  const Picture in(kWidth, 3, random);
  for (int number = 0; number < 300; ++number) {
    const double slope = slopes(random), offset = offsets(random), rounding = number % 2 ? 0.5 : 0.0;
    LevelTable table;
    for (int level = 0; level < 256; ++level) {
      const double made = std::clamp(std::floor(level * slope + offset + rounding), 0.0, 255.0);
      for (auto& channel : table) channel[static_cast<std::size_t>(level)] = static_cast<std::uint8_t>(made);
    }
    for (auto& channel : table) {
      if (number % 3 == 0) channel[static_cast<std::size_t>(number % 256)] ^= 1;
      if (number % 3 == 1) channel[0] = static_cast<std::uint8_t>(255 - channel[0] / 255 * 255);
    }
    for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
      limit_simd(most);
      Picture out(kWidth, 3);
      look_up(in.view, table, out.view);
      for (std::size_t at = 0; at < kBytes; ++at) CHECK(out.bytes[at] == table[0][in.bytes[at]]);
      CHECK(out.bytes[kBytes] == kUntouched);
    }
  }
}

void rows_may_lie_apart_where_levels_are_looked_up() {
  constexpr int kWidth = 1201, kUsed = 3 * kWidth, kApart = 7;
  std::mt19937 random(6);
  const Picture in(kWidth, 3, random);
  LevelTable line;
  for (auto& channel : line) {
    for (std::size_t level = 0; level < 256; ++level) channel[level] = static_cast<std::uint8_t>(20 + level * 3 / 4);
  }
  for (const LevelTable& table : {line, invert_table(), some_table(3)}) {
    std::vector<std::uint8_t> bytes(std::size_t{kHeight} * (kUsed + kApart), kUntouched);
    look_up(in.view, table, {bytes.data(), kHeight, kWidth, 3, kUsed + kApart});
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kUsed + kApart; ++x) {
        const std::uint8_t made = bytes[static_cast<std::size_t>(y * (kUsed + kApart) + x)];
        CHECK(made == (x < kUsed ? table[0][in.view.row(y)[x]] : kUntouched));
      }
    }
  }
}

// Of all sizes, the largest and the smallest among them.
std::vector<ColorMix> some_mixes() {
  constexpr std::int16_t kLeast = -32768, kMost = 32767;
  constexpr std::int32_t kFar = 16383 << kMixBits;
  std::vector<ColorMix> mixes{{{{kMost, kMost, kMost}, {kLeast, kLeast, kLeast}, {kMost, kLeast, kMost}}, {kFar, -kFar, 0}}};
  std::mt19937 random(6);
  for (int i = 0; i < 5; ++i) {
    ColorMix mix;
    for (auto& row : mix.weights) {
      for (auto& weight : row) weight = static_cast<std::int16_t>(random() % 16384 - 5000);
    }
    for (auto& constant : mix.constants) constant = static_cast<std::int32_t>(random() % (200 << kMixBits)) - (100 << kMixBits);
    mixes.push_back(mix);
  }
  return mixes;
}

void mixes_are_sums_of_channels() {
  std::mt19937 random(10);
  for (const ColorMix& mix : some_mixes()) {
    const Picture in(77, 4, random);
    Picture out(in);
    out.view.data = out.bytes.data();
    mix_channels(out.view, mix);
    for (std::size_t i = 0; i < std::size_t{4} * 77 * kHeight; ++i) {
      const std::size_t channel = i % 4;
      if (channel == 3) continue;
      const std::uint8_t* p = in.bytes.data() + (i - channel);
      double sum = mix.constants[channel];
      for (int c = 0; c < 3; ++c) sum += mix.weights[channel][c] * p[c];
      CHECK(out.bytes[i] == std::clamp(std::floor(sum / (1 << kMixBits)), 0.0, 255.0));
    }
  }
}

void colours_are_the_same_bits() {
  for (const float factor : {0.0F, 0.3F, 1.9F}) {
    each_width({1, 4}, in_place([=](ImageView image) { saturate(image, factor); }));
  }
  each_width({1, 4}, in_place([](ImageView image) { shift_hsv(image, {0.3F, -0.2F, 0.1F}); }));
  for (const ColorMix& mix : some_mixes()) {
    each_width({1, 4}, in_place([=](ImageView image) { mix_channels(image, mix); }));
  }
  each_width({1, 4}, in_place([](ImageView image) {
    const int order[3] = {2, 0, 1};
    permute_channels(image, order);
  }));
  each_width({1, 3, 4}, [](ImageView in, ImageView out) {
    const double mean = mean_level(in), grey = mean_luminance(in);
    std::memset(out.data, static_cast<int>(mean), 1);
    if (out.width > 1) std::memset(out.data + out.channels, static_cast<int>(grey), 1);
  });
}

void means_are_those_of_the_levels() {
  std::mt19937 random(7);
  for (const int channels : {1, 3, 4}) {
    const Picture in(77, channels, random);
    double sum = 0, grey = 0;
    for (int i = 0; i < kHeight * 77; ++i) {
      const std::uint8_t* p = in.bytes.data() + i * channels;
      sum += channels == 1 ? p[0] : (p[0] + p[1] + p[2]) / 3.0;
      grey += channels == 1 ? p[0] : 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
    }
    CHECK(std::abs(mean_level(in.view) - sum / (kHeight * 77)) < 1e-6);
    CHECK(std::abs(mean_luminance(in.view) - grey / (kHeight * 77)) < 0.51);
    Histogram histogram;
    count_levels(in.view, &histogram);
    std::int64_t counted = 0;
    for (const auto count : histogram[0]) counted += count;
    CHECK(counted == kHeight * 77);
  }
}

void filters_are_the_same_bits() {
  for (const int taps : {1, 3, 7, 31}) {
    const auto weights = gaussian_weights(taps, 0.3 + taps / 5.0);
    each_width({1, 3, 4}, [&](ImageView in, ImageView out) { blur(in, weights, weights, out); });
  }
  for (const int size : {1, 3, 7, 21}) {
    std::vector<double> weights(static_cast<std::size_t>(size * size), 0.0);
    for (int i = 0; i < size; ++i) weights[static_cast<std::size_t>(i * size + i)] = 1.0 / size;
    each_width({1, 3, 4}, [&](ImageView in, ImageView out) { convolve(in, weights, size, out); });
  }
  for (const float factor : {0.0F, 0.7F, 3.1F}) {
    each_width({1, 3, 4}, [=](ImageView in, ImageView out) { sharpen(in, factor, out); });
  }
  each_width({1, 3, 4}, [](ImageView in, ImageView out) { equalize_tiles(in, 3.0, 2, 3, out); });
}

// Row by row, in memory of their own: nothing is written behind one, and nothing is read beside one.
void rows_are_made_pixel_by_pixel() {
  std::mt19937 random(8);
  for (int width = 1; width < 140; ++width) {
    std::vector<std::uint8_t> in(static_cast<std::size_t>(3 * width));
    for (auto& level : in) level = static_cast<std::uint8_t>(random());
    for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
      limit_simd(most);
      std::vector<std::uint8_t> turned(in.size()), copied(in.size()), grey(in.size());
      copy_rgb(in.data(), width, true, turned.data());
      copy_rgb(in.data(), width, false, copied.data());
      rgb_to_grey_rgb(in.data(), width, grey.data());
      CHECK(copied == in);
      for (int x = 0; x < width; ++x) {
        const std::uint8_t* pixel = &in[3 * x];
        for (int c = 0; c < 3; ++c) CHECK(grey[3 * x + c] == luminance(pixel[0], pixel[1], pixel[2]));
        CHECK(std::memcmp(&turned[3 * (width - 1 - x)], pixel, 3) == 0);
      }
    }
  }
}

void pixels_of_four_bytes_become_three_or_planes() {
  std::mt19937 random(9);
  for (int width = 1; width < 140; ++width) {
    const auto count = static_cast<std::size_t>(width);
    std::vector<std::uint8_t> in(4 * count);
    for (auto& level : in) level = static_cast<std::uint8_t>(random());
    for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
      limit_simd(most);
      for (const bool reversed : {false, true}) {
        std::vector<std::uint8_t> rgb(3 * count), planes[3];
        for (auto& plane : planes) plane.resize(count);
        std::uint8_t* const to[3] = {planes[0].data(), planes[1].data(), planes[2].data()};
        rgbx_to_rgb(in.data(), width, reversed, rgb.data());
        rgbx_to_planes(in.data(), width, reversed, to);
        for (std::size_t x = 0; x < count; ++x) {
          const std::uint8_t* pixel = &in[4 * (reversed ? count - 1 - x : x)];
          CHECK(std::memcmp(&rgb[3 * x], pixel, 3) == 0);
          for (std::size_t c = 0; c < 3; ++c) CHECK(planes[c][x] == pixel[c]);
        }
      }
    }
  }
}

void meshes_are_the_same_bits() {
  each_width({1, 4}, [](ImageView in, ImageView out) {
    std::mt19937 random(5);
    std::uniform_real_distribution<float> across(-3, static_cast<float>(in.width) + 3), down(-3, kHeight + 3);
    std::vector<float> columns, rows, xy;
    for (int x = 0; x < in.width; ++x) columns.push_back(across(random));
    for (int y = 0; y < kHeight; ++y) rows.push_back(down(random));
    const std::uint8_t fill[4] = {1, 2, 3, 4};
    remap_image(in, {nullptr, columns.data(), rows.data()}, Sampling::kBilinear, fill, out);
    for (const float y : rows) {
      for (const float x : columns) xy.insert(xy.end(), {x, y});
    }
    Picture whole(in.width, in.channels);
    remap_image(in, {xy.data()}, Sampling::kBilinear, fill, whole.view);
    CHECK(std::equal(whole.bytes.begin(), whole.bytes.end() - kRowPadding, out.data));
  });
}

}  // namespace

int main() {
  tables_give_what_they_hold();
  lines_give_their_tables();
  rows_may_lie_apart_where_levels_are_looked_up();
  mixes_are_sums_of_channels();
  colours_are_the_same_bits();
  means_are_those_of_the_levels();
  filters_are_the_same_bits();
  rows_are_made_pixel_by_pixel();
  pixels_of_four_bytes_become_three_or_planes();
  meshes_are_the_same_bits();
}
