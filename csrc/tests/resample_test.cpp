#include "kernels/resample.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "core/cpu.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes noise(std::size_t count) {
  Bytes filled(count);
  std::uint32_t state = 12345;
  for (auto& byte : filled) byte = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return filled;
}

struct Shape {
  int height, width, out_height, out_width;
};

// How many rows come at once, and how many of those that are made are kept.
struct Turns {
  int taken, kept;
};
constexpr int kAll = 1 << 20;
constexpr Turns kTurns[] = {{1, kAll}, {3, 8}, {3, 11}, {8, 8}, {8, 11}, {8, kAll}};

// Memory of exactly the rows and their padding, so that a sanitizer sees what is read or written beyond. `image` has
// bytes_in bytes a pixel.
Bytes resized(const Bytes& image, int bytes_in, const Shape& s, int channels, Filter filter, bool height_first,
              Turns turns) {
  AxisWeights horizontal, vertical;
  horizontal.make(filter, s.width, 0, s.width, s.out_width, 0, s.out_width);
  vertical.make(filter, s.height, 0, s.height, s.out_height, 0, s.out_height);
  CHECK(horizontal.first_input() >= 0 && horizontal.end_input() <= s.width);
  const int x0 = horizontal.first_input();
  const int y0 = vertical.first_input();
  horizontal.rebase();
  vertical.rebase();
  const std::size_t row = static_cast<std::size_t>(s.width * bytes_in);
  const int rows_kept = std::min(turns.kept, s.out_height);
  const std::ptrdiff_t out_row = std::ptrdiff_t{s.out_width} * channels;
  Bytes out, kept(static_cast<std::size_t>(rows_kept * out_row));
  RowResizer resizer;
  resizer.start(horizontal, vertical, bytes_in, height_first, {kept.data(), rows_kept, s.out_width, channels, out_row});
  const std::size_t used = static_cast<std::size_t>(horizontal.end_input() * bytes_in);
  for (int y = 0; y < vertical.end_input(); y += turns.taken) {
    const int count = std::min(turns.taken, vertical.end_input() - y);
    const std::size_t stride = used + kRowPadding;
    Bytes group(stride * static_cast<std::size_t>(count));
    for (int k = 0; k < count; ++k) {
      std::memcpy(&group[stride * static_cast<std::size_t>(k)],
                  &image[row * static_cast<std::size_t>(y0 + y + k) + static_cast<std::size_t>(x0 * bytes_in)], used);
    }
    resizer.take(group.data(), static_cast<std::ptrdiff_t>(stride), count);
    for (ImageView made = resizer.make(); made.height > 0; made = resizer.make()) {
      out.insert(out.end(), made.data, made.data + made.height * out_row);
    }
  }
  return out;
}

Bytes resized(const Shape& s, int channels, Filter filter, bool height_first, Turns turns) {
  const Bytes image = noise(static_cast<std::size_t>(s.width * s.height * channels));
  return resized(image, channels, s, channels, filter, height_first, turns);
}

// Every fourth byte dropped.
Bytes rgb_of(const Bytes& rgbx) {
  Bytes rgb;
  for (std::size_t i = 0; i < rgbx.size(); ++i) {
    if (i % 4 != 3) rgb.push_back(rgbx[i]);
  }
  return rgb;
}

void every_target_gives_the_bytes_of_the_plain_one() {
  for (const Shape& shape : {Shape{1, 1, 3, 2}, Shape{7, 5, 3, 9}, Shape{17, 31, 31, 17}, Shape{33, 25, 7, 5},
                             Shape{3, 257, 2, 24}, Shape{5, 900, 3, 7}, Shape{900, 5, 7, 3}, Shape{64, 40, 64, 13},
                             Shape{40, 64, 13, 64}, Shape{9, 9, 9, 9}, Shape{9, 50, 9, 41}, Shape{6, 50, 6, 43}, Shape{4, 7, 4, 4},
                             Shape{5, 8, 5, 6}, Shape{8, 9, 8, 30}, Shape{15, 40, 16, 32}, Shape{15, 90, 64, 90},
                             Shape{2, 1, 16384, 1}}) {
    for (const int channels : {1, 4}) {
      for (const Filter filter : {Filter::kNearest, Filter::kBox, Filter::kBilinear, Filter::kHamming,
                                  Filter::kBicubic, Filter::kLanczos, Filter::kLinear}) {
        for (const bool height_first : {false, true}) {
          limit_simd(Simd::kScalar);
          const Bytes expected = resized(shape, channels, filter, height_first, {1, kAll});
          for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
            limit_simd(most);
            for (const Turns turns : kTurns) {
              CHECK(resized(shape, channels, filter, height_first, turns) == expected);
            }
          }
        }
      }
    }
  }
}

void rows_of_rgb_give_what_rows_of_rgbx_do() {
  int taken = 0;
  for (const Shape& shape : {Shape{9, 50, 9, 41}, Shape{6, 50, 9, 43}, Shape{4, 7, 4, 4}, Shape{5, 8, 3, 6},
                             Shape{8, 9, 8, 30}, Shape{11, 64, 11, 33}, Shape{5, 40, 5, 3}, Shape{3, 90, 3, 20}}) {
    for (const Filter filter : {Filter::kBox, Filter::kBilinear, Filter::kHamming, Filter::kBicubic}) {
      for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
        limit_simd(most);
        AxisWeights horizontal;
        horizontal.make(filter, shape.width, 0, shape.width, shape.out_width, 0, shape.out_width);
        CHECK(!RowResizer::takes_rgb(horizontal, true));
        if (!RowResizer::takes_rgb(horizontal, false)) continue;
        ++taken;
        const Bytes rgbx = noise(static_cast<std::size_t>(shape.width * shape.height * 4));
        for (const Turns turns : kTurns) {
          CHECK(rgb_of(resized(rgb_of(rgbx), 3, shape, 4, filter, false, turns)) ==
                rgb_of(resized(rgbx, 4, shape, 4, filter, false, turns)));
        }
      }
    }
  }
  CHECK(simd() != Simd::kAvx512 || taken > 0);
}

void a_plain_image_stays_plain_however_many_pixels_become_one() {
  for (const Filter filter : {Filter::kBox, Filter::kBilinear, Filter::kHamming, Filter::kBicubic}) {
    for (const int width : {2000, 2100, 20'000, 25'960, 60'000}) {
      for (const int out_width : {1, 3}) {
        for (const std::uint8_t level : {std::uint8_t{100}, std::uint8_t{255}}) {
          const Bytes plain(static_cast<std::size_t>(width), level);
          const Bytes made = resized(plain, 1, {1, width, 1, out_width}, 1, filter, false, {1, kAll});
          CHECK(made == Bytes(static_cast<std::size_t>(out_width), level));
        }
      }
    }
  }
}

int weight_of(const AxisWeights& weights, int o, int input) {
  const int k = input - weights.first(o);
  return k >= 0 && k < weights.taps() ? weights.narrow(o)[k] : 0;
}

void no_output_reads_beyond_the_inputs_used() {
  for (const int size : {3, 40, 900}) {
    AxisWeights weights;
    weights.make(Filter::kBilinear, size, 0, size, 7, 0, 7);
    for (int o = 0; o < 7; ++o) {
      CHECK(weights.first(o) >= weights.first_input());
      CHECK(weights.first(o) + weights.taps() <= weights.end_input());
    }
  }
}

void a_part_of_the_outputs_is_that_part_of_all() {
  AxisWeights all, part;
  all.make(Filter::kBilinear, 50, 3.5, 47.25, 20, 0, 20);
  part.make(Filter::kBilinear, 50, 3.5, 47.25, 20, 6, 11);
  CHECK(part.outputs() == 5);
  for (int o = 0; o < part.outputs(); ++o) {
    for (int input = 0; input < 50; ++input) CHECK(weight_of(part, o, input) == weight_of(all, o + 6, input));
  }
}

void an_axis_that_comes_again_is_what_it_was() {
  AxisWeights weights, other;
  weights.make(Filter::kBilinear, 50, 3.5, 47.25, 20, 6, 11);
  weights.rebase();
  weights.make(Filter::kBilinear, 50, 3.5, 47.25, 20, 6, 11);
  other.make(Filter::kBilinear, 50, 3.5, 47.25, 20, 6, 11);
  const auto are_alike = [&] {
    CHECK(weights.first_input() == other.first_input() && weights.end_input() == other.end_input());
    for (int o = 0; o < 5; ++o) {
      CHECK(weights.first(o) == other.first(o) && weights.narrow(o)[0] == other.narrow(o)[0]);
    }
  };
  CHECK(other.first_input() > 0);
  are_alike();
  weights.rebase();
  other.rebase();
  are_alike();
  weights.make(Filter::kHamming, 50, 3.5, 47.25, 20, 6, 11);
  CHECK(weights.narrow(0)[0] != other.narrow(0)[0]);
}

}  // namespace

int main() {
  every_target_gives_the_bytes_of_the_plain_one();
  rows_of_rgb_give_what_rows_of_rgbx_do();
  a_plain_image_stays_plain_however_many_pixels_become_one();
  no_output_reads_beyond_the_inputs_used();
  a_part_of_the_outputs_is_that_part_of_all();
  an_axis_that_comes_again_is_what_it_was();
}
