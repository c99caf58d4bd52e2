#include "kernels/warp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/cpu.h"
#include "tests/check.h"

using namespace fastload;

namespace {

struct Picture {
  std::vector<std::uint8_t> bytes;
  ImageView view;
  Picture(int height, int width, int channels, unsigned seed) : bytes(static_cast<std::size_t>(height * width * channels) + kRowPadding) {
    std::mt19937 random(seed);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    view = {bytes.data(), height, width, channels, width * channels};
  }
};

Matrix3 some_map(std::mt19937& random, bool projective) {
  std::uniform_real_distribution<double> part(-1, 1);
  Matrix3 map{{{1 + part(random), part(random), 20 * part(random)},
               {part(random), 1 + part(random), 20 * part(random)},
               {0, 0, 1}}};
  if (projective) {
    map.m[2][0] = 0.01 * part(random);
    map.m[2][1] = 0.01 * part(random);
  }
  return map;
}

bool is_on(const Canvas& canvas, Point p) {
  if (!(canvas.from_out.weight(p) > 0)) return false;
  const Point q = canvas.from_out(p);
  return q.x >= 0 && q.x <= canvas.width && q.y >= 0 && q.y <= canvas.height;
}

// However close to the border a centre lies, floats may take it for either side.
bool is_at_border(const Canvas& canvas, Point p) {
  const Point q = canvas.from_out(p);
  const double far = std::min({std::abs(q.x), std::abs(q.x - canvas.width), std::abs(q.y), std::abs(q.y - canvas.height)});
  return far < 1e-6 || std::abs(canvas.from_out.weight(p)) < 1e-6;
}

void spans_hold_the_centres_that_are_in_all_canvases() {
  std::mt19937 random(1);
  int seen = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<Canvas> canvases;
    for (int k = 0; k < 1 + i % 3; ++k) canvases.push_back({some_map(random, i % 2 == 1), 40.0 + k, 30});
    for (int y = 0; y < 30; ++y) {
      const RowSpan span = visible_span(canvases, y, 50);
      CHECK(span.begin >= 0 && span.end <= 50 && span.begin <= span.end);
      for (int x = 0; x < 50; ++x) {
        const Point centre{x + 0.5, y + 0.5};
        bool inside = true, unsure = false;
        for (const Canvas& canvas : canvases) {
          inside = inside && is_on(canvas, centre);
          unsure = unsure || is_at_border(canvas, centre);
        }
        seen += inside;
        CHECK(unsure || inside == (x >= span.begin && x < span.end));
      }
    }
  }
  CHECK(seen > 1000);
}

// Bilinear interpolation in doubles, the nearest pixels repeated.
double exact(ImageView in, Point p, int channel) {
  const double x = p.x - 0.5, y = p.y - 0.5;
  const double left = std::floor(x), top = std::floor(y);
  double sum = 0;
  for (int j = 0; j < 2; ++j) {
    for (int i = 0; i < 2; ++i) {
      const int column = std::clamp(static_cast<int>(left) + i, 0, in.width - 1);
      const int row = std::clamp(static_cast<int>(top) + j, 0, in.height - 1);
      const double weight = (i == 0 ? 1 - (x - left) : x - left) * (j == 0 ? 1 - (y - top) : y - top);
      sum += weight * in.row(row)[column * in.channels + channel];
    }
  }
  return sum;
}

void interpolation_is_right_to_what_128ths_of_a_pixel_allow() {
  std::mt19937 random(2);
  const std::uint8_t fill[4] = {1, 2, 3, 4};
  for (const int channels : {1, 4}) {
    for (int i = 0; i < 40; ++i) {
      const Picture in(23, 31, channels, static_cast<unsigned>(i));
      Picture out(29, 37, channels, 0);
      const Matrix3 map = some_map(random, i % 2 == 1);
      const std::vector<Canvas> canvases{{map, 31, 23}};
      warp_image(in.view, map, canvases, Sampling::kBilinear, fill, out.view);
      for (int y = 0; y < 29; ++y) {
        const RowSpan span = visible_span(canvases, y, 37);
        for (int x = 0; x < 37; ++x) {
          for (int c = 0; c < channels; ++c) {
            const std::uint8_t level = out.view.row(y)[x * channels + c];
            if (x < span.begin || x >= span.end) {
              CHECK(level == fill[c]);
            } else {
              CHECK(std::abs(level - exact(in.view, map({x + 0.5, y + 0.5}), c)) < 3);
            }
          }
        }
      }
    }
  }
}

// Stretched, shifted and perhaps mirrored: along a row, y stays as it is.
Matrix3 upright_map(std::mt19937& random, ImageView in) {
  std::uniform_real_distribution<double> uniform(0, 1);
  const double across = 0.3 + uniform(random), down = 0.3 + uniform(random);
  const bool mirrored = random() % 2 == 0;
  const double left = mirrored ? in.width + 3 : -3;
  return {{{mirrored ? -across : across, 0, left}, {0, down, -2 * uniform(random)}, {0, 0, 1}}};
}

void vectors_give_the_same_bits() {
  constexpr int kHeight = 33, kWidth = 147;
  std::mt19937 random(3);
  const std::uint8_t fill[4] = {9, 8, 7, 6};
  for (int i = 0; i < 200; ++i) {
    const int width = 2 + static_cast<int>(random() % 200);
    const Picture in(1 + static_cast<int>(random() % 90), width, 4, static_cast<unsigned>(i));
    const Matrix3 map = i % 5 == 0 ? upright_map(random, in.view) : some_map(random, i % 3 == 0);
    const std::vector<Canvas> canvases{{map, double(in.view.width), double(in.view.height)}};
    Picture plain(kHeight, kWidth, 4, 0);
    limit_simd(Simd::kScalar);
    warp_image(in.view, map, canvases, Sampling::kBilinear, fill, plain.view);
    for (const Simd most : {Simd::kAvx2, Simd::kAvx512}) {
      Picture fast(kHeight, kWidth, 4, 1);
      limit_simd(most);
      warp_image(in.view, map, canvases, Sampling::kBilinear, fill, fast.view);
      CHECK(std::memcmp(plain.bytes.data(), fast.bytes.data(), kHeight * kWidth * 4) == 0);
    }
  }
}

// Turned by up to 30 degrees or by half a turn more, and scaled: eight pixels of a row have neighbours in few rows. Of tiny
// images every pixel is seen in many.
Matrix3 nearly_level_map(std::mt19937& random, ImageView in, int width, int height) {
  std::uniform_real_distribution<double> part(-1, 1);
  const double angle = part(random) * M_PI / 6 + (random() % 2 == 0 ? M_PI : 0);
  const double scale = (1.5 + part(random)) * (in.width < 8 ? 0.1 : 1);
  const double flip = random() % 2 == 0 ? -1 : 1;
  const double a = std::cos(angle) * scale * flip, b = -std::sin(angle) * scale;
  const double c = std::sin(angle) * scale * flip, d = std::cos(angle) * scale;
  const double x = in.width * (0.5 + 0.3 * part(random)), y = in.height * (0.5 + 0.3 * part(random));
  return {{{a, b, x - a * width / 2 - b * height / 2}, {c, d, y - c * width / 2 - d * height / 2}, {0, 0, 1}}};
}

// Both in memory of their own.
void nearly_level_rows_have_the_same_bits() {
  constexpr int kHeight = 61, kWidth = 93;
  std::mt19937 random(7);
  const std::uint8_t fill[4] = {9, 8, 7, 6};
  for (int i = 0; i < 600; ++i) {
    const int least = i % 4 == 0 ? 2 : 16;  // few images are so small that a row is less than a window
    const int width = least + static_cast<int>(random() % (i % 8 == 0 ? 4 : 90));
    const int height = least + static_cast<int>(random() % 60);
    const Picture padded(height, width, 4, static_cast<unsigned>(i));
    std::vector<std::uint8_t> rgbx(padded.bytes.begin(), padded.bytes.end() - kRowPadding), rgb;
    for (std::size_t k = 0; k < rgbx.size(); ++k) {
      if (k % 4 != 3) rgb.push_back(rgbx[k]);
    }
    const ImageView four{rgbx.data(), height, width, 4, std::ptrdiff_t{4} * width};
    const ImageView three{rgb.data(), height, width, 3, std::ptrdiff_t{3} * width};
    const Matrix3 map = nearly_level_map(random, four, kWidth, kHeight);
    const std::vector<Canvas> canvases{{map, double(width), double(height)}};
    Picture plain(kHeight, kWidth, 4, 0);
    limit_simd(Simd::kScalar);
    warp_image(four, map, canvases, Sampling::kBilinear, fill, plain.view);
    for (const Simd most : {Simd::kAvx2, Simd::kAvx512}) {
      limit_simd(most);
      Picture of_four(kHeight, kWidth, 4, 1), of_three(kHeight, kWidth, 4, 2);
      warp_image(four, map, canvases, Sampling::kBilinear, fill, of_four.view);
      CHECK(std::memcmp(plain.bytes.data(), of_four.bytes.data(), kHeight * kWidth * 4) == 0);
      if (!warp_takes_rgb(three, map, Sampling::kBilinear, kWidth)) continue;
      warp_image(three, map, canvases, Sampling::kBilinear, fill, of_three.view);
      for (std::size_t k = 0; k < kHeight * kWidth * 4; ++k) CHECK(k % 4 == 3 || plain.bytes[k] == of_three.bytes[k]);
    }
  }
}

// In memory of its own, so that a sanitizer sees what is read beside it.
void rgb_gives_what_rgbx_does(Simd most) {
  std::mt19937 random(4);
  const std::uint8_t fill[4] = {9, 8, 7, 6};
  limit_simd(most);
  int taken = 0;
  for (int i = 0; i < 300; ++i) {
    const int least = i % 6 == 1 ? 1 : 16;
    const unsigned sides = least == 1 ? 6 : 90;
    const int width = least + static_cast<int>(random() % sides), height = least + static_cast<int>(random() % sides);
    const Picture rgbx(height, width, 4, static_cast<unsigned>(i));
    std::vector<std::uint8_t> bytes;
    for (std::size_t k = 0; k < static_cast<std::size_t>(4 * width * height); ++k) {
      if (k % 4 != 3) bytes.push_back(rgbx.bytes[k]);
    }
    const ImageView rgb{bytes.data(), height, width, 3, std::ptrdiff_t{3} * width};
    Matrix3 map = i % 5 == 0 ? upright_map(random, rgb) : some_map(random, i % 7 == 0);
    if (least == 1) map = Matrix3{{{0.03, 0.001, 0.2}, {0.0005, 0.03, 0.1}, {0, 0, 1}}};  // all of it is seen in many pixels
    if (i % 3 == 0) map = Matrix3{{{0.01, -1, double(width)}, {1, 0.01, -0.5}, {0, 0, 1}}};  // a row sees all rows
    if (!warp_takes_rgb(rgb, map, Sampling::kBilinear, 147)) continue;
    ++taken;
    const std::vector<Canvas> canvases{{map, double(width), double(height)}};
    Picture one(101, 147, 4, 0), other(101, 147, 4, 0);
    warp_image(rgbx.view, map, canvases, Sampling::kBilinear, fill, one.view);
    warp_image(rgb, map, canvases, Sampling::kBilinear, fill, other.view);
    for (std::size_t k = 0; k < one.bytes.size(); ++k) CHECK(k % 4 == 3 || one.bytes[k] == other.bytes[k]);
  }
  CHECK(simd() == Simd::kScalar || taken > 100);
}

// Of rows so long that steps add up to many pixels if they are counted too coarsely, and of longer ones, which are not
// stepped along.
void long_rows_end_where_they_should() {
  constexpr int kSide = 60, kSlope = 4;  // levels from pixel to pixel
  const std::uint8_t fill[4] = {0, 0, 0, 0};
  Picture in(kSide, kSide, 4, 0);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) std::memset(in.view.row(y) + 4 * x, kSlope * x, 4);
  }
  for (const int width : {60001, 65537, 100001}) {
    const Matrix3 map{{{double(kSide) / width, 0, 0}, {0.3 * kSide / width, 1, 10}, {0, 0, 1}}};
    Picture out(2, width, 4, 1);
    warp_image(in.view, map, {{map, kSide, kSide}}, Sampling::kBilinear, fill, out.view);
    for (int x = 0; x < width; ++x) {
      const double place = std::clamp(map({x + 0.5, 0.5}).x - 0.5, 0.0, kSide - 1.0);
      CHECK(std::abs(out.view.row(0)[4 * x] - kSlope * place) < 0.6);
    }
  }
}

// Where a row without any visible pixel begins is no number that could be counted with.
void rows_that_see_nothing_are_filled() {
  const std::uint8_t fill[4] = {9, 8, 7, 6};
  const Picture in(48, 64, 4, 3);
  const Matrix3 map{{{1, -1e12, 0}, {0, 1, 0}, {0, 0, 1}}};
  Picture out(48, 64, 4, 1);
  warp_image(in.view, map, {{map, 64, 48}}, Sampling::kBilinear, fill, out.view);
  for (int y = 1; y < 48; ++y) CHECK(std::memcmp(out.view.row(y), fill, 4) == 0);
}

void parts_of_an_output_are_those_of_the_whole() {
  std::mt19937 random(5);
  const std::uint8_t fill[4] = {9, 8, 7, 6};
  const Matrix3 quarter{{{0, 1, 0}, {-1, 0, 50}, {0, 0, 1}}};
  for (int i = 0; i < 30; ++i) {
    const Picture in(50, 60, i % 2 == 0 ? 1 : 4, static_cast<unsigned>(i));
    const Sampling sampling = static_cast<Sampling>(i % 3);
    const Matrix3 map = i % 5 == 0 ? quarter : some_map(random, i % 4 == 1);
    const std::vector<Canvas> canvases{{map, double(in.view.width), double(in.view.height)}};
    Picture whole(41, 70, in.view.channels, 0), parts(41, 70, in.view.channels, 1);
    warp_image(in.view, map, canvases, sampling, fill, whole.view);
    for (int begin = 0; begin < 41; begin += 7) {
      ImageView part = parts.view;
      part.data = parts.view.row(begin);
      part.height = std::min(7, 41 - begin);
      warp_image(in.view, map, canvases, sampling, fill, part, begin);
    }
    CHECK(std::memcmp(whole.bytes.data(), parts.bytes.data(), static_cast<std::size_t>(41 * whole.view.row_bytes)) == 0);
  }
}

void a_mesh_of_a_map_gives_what_the_map_does() {
  std::mt19937 random(4);
  const std::uint8_t fill[4] = {9, 8, 7, 6};
  for (const Sampling sampling : {Sampling::kNearest, Sampling::kBilinear, Sampling::kBicubic}) {
    const Picture in(30, 40, 4, 7);
    const Matrix3 map = some_map(random, false);
    Picture mapped(35, 45, 4, 0), meshed(35, 45, 4, 1);
    std::vector<float> xy;
    for (int y = 0; y < 35; ++y) {
      for (int x = 0; x < 45; ++x) {
        const Point place = map({x + 0.5, y + 0.5});
        xy.push_back(static_cast<float>(place.x));
        xy.push_back(static_cast<float>(place.y));
      }
    }
    warp_image(in.view, map, {{map, 40, 30}}, sampling, fill, mapped.view);
    remap_image(in.view, {xy.data()}, sampling, fill, meshed.view);
    int different = 0;
    for (std::size_t i = 0; i < 35 * 45 * 4; ++i) different += std::abs(mapped.bytes[i] - meshed.bytes[i]) > 3;
    CHECK(different < 40);  // floats decide otherwise where a centre is at the border of two pixels
  }
}

}  // namespace

int main() {
  spans_hold_the_centres_that_are_in_all_canvases();
  interpolation_is_right_to_what_128ths_of_a_pixel_allow();
  vectors_give_the_same_bits();
  nearly_level_rows_have_the_same_bits();
  rgb_gives_what_rgbx_does(Simd::kAvx2);
  rgb_gives_what_rgbx_does(Simd::kAvx512);
  long_rows_end_where_they_should();
  rows_that_see_nothing_are_filled();
  parts_of_an_output_are_those_of_the_whole();
  a_mesh_of_a_map_gives_what_the_map_does();
  return 0;
}
