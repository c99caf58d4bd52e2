#include "kernels/warp.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/cpu.h"
#include "kernels/even_warp.h"
#include "kernels/warp_rows.h"

namespace fastload {
namespace {

constexpr int kRun = 256;  // pixels whose places are worked out at once: they stay in the first cache
constexpr double kUnit = 1 << kWarpBits;

namespace plain {

#include "kernels/warp_loops.inl"

}  // namespace plain

// Narrows the span to where slope * x + offset >= 0 at the pixels' centres.
void keep_where_positive(double slope, double offset, double* begin, double* end) noexcept {
  const double at_zero = offset + slope * 0.5;  // of the first pixel's centre
  // Most rows end where they did before: that is seen without a division.
  if (slope > 0) {
    if (at_zero + slope * *begin < 0) *begin = std::max(*begin, -rounded_down(std::max(at_zero / slope, -*end)));
  } else if (slope < 0) {
    if (at_zero + slope * (*end - 1) < 0) *end = std::min(*end, rounded_down(std::max(at_zero / -slope, *begin - 1)) + 1);
  } else if (!(at_zero >= 0)) {
    *end = *begin;
  }
}

// The cubic of torch's grid_sample and of OpenCV, a = -0.75. Pillow's resize has -0.5, and its transform -1.
double cubic(double x) noexcept {
  x = std::abs(x);
  constexpr double kA = -0.75;
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return kA * (((x - 5) * x + 8) * x - 4);
  return 0;
}

void cubic_weights(double fraction, float weights[4]) noexcept {
  for (int k = 0; k < 4; ++k) weights[k] = static_cast<float>(cubic(k - 1 - fraction));
}

void bicubic_pixel(ImageView in, double x, double y, std::uint8_t* out) noexcept {
  const double left = std::floor(x - 0.5), top = std::floor(y - 0.5);
  float across[4], down[4];
  cubic_weights(x - 0.5 - left, across);
  cubic_weights(y - 0.5 - top, down);
  float sums[4] = {0, 0, 0, 0};
  for (int j = 0; j < 4; ++j) {
    const std::uint8_t* row = in.row(std::clamp(static_cast<int>(top) - 1 + j, 0, in.height - 1));
    for (int i = 0; i < 4; ++i) {
      const int column = std::clamp(static_cast<int>(left) - 1 + i, 0, in.width - 1);
      const float weight = across[i] * down[j];
      for (int c = 0; c < in.channels; ++c) sums[c] += weight * static_cast<float>(row[column * in.channels + c]);
    }
  }
  for (int c = 0; c < in.channels; ++c) {
    out[c] = static_cast<std::uint8_t>(std::clamp(sums[c] + 0.5F, 0.0F, 255.0F));
  }
}

void nearest_pixel(ImageView in, double x, double y, std::uint8_t* out) noexcept {
  const int column = std::clamp(static_cast<int>(std::floor(x)), 0, in.width - 1);
  const int row = std::clamp(static_cast<int>(std::floor(y)), 0, in.height - 1);
  const std::uint8_t* pixel = in.row(row) + column * in.channels;
  if (in.channels == 4) {
    std::memcpy(out, pixel, 4);
  } else {
    *out = *pixel;
  }
}

void fill_run(const std::uint8_t fill[4], int channels, int count, std::uint8_t* out) noexcept {
  if (channels == 1) {
    std::memset(out, fill[0], static_cast<std::size_t>(count));
    return;
  }
  std::uint32_t pixel;
  std::memcpy(&pixel, fill, sizeof(pixel));
  for (std::ptrdiff_t i = 0; i < count; ++i) std::memcpy(out + 4 * i, &pixel, sizeof(pixel));
}

std::int32_t fixed(double place) noexcept {
  return static_cast<std::int32_t>(std::floor(std::clamp(place, -kFarthest, kFarthest) * kUnit - kUnit / 2 + 0.5));
}

// The places of a row of output pixels.
class RowPlaces {
 public:
  RowPlaces(const Matrix3& to_in, int y) noexcept : map_(to_in), y_(y + 0.5) {}

  Point at(int x) const noexcept { return map_({x + 0.5, y_}); }

  void fixed_run(int begin, int count, std::int32_t* x, std::int32_t* y) const noexcept {
#if defined(__x86_64__)
    if (simd() != Simd::kScalar) return fixed_places_avx2(map_, y_, begin, count, x, y);
#endif
    for (int i = 0; i < count; ++i) {
      const Point place = at(begin + i);
      x[i] = fixed(place.x);
      y[i] = fixed(place.y);
    }
  }

 private:
  const Matrix3& map_;
  double y_;
};

void warp_row(ImageView in, const RowPlaces& places, RowSpan span, Sampling sampling, std::uint8_t* out) noexcept {
  if (sampling == Sampling::kNearest) {
    for (int x = span.begin; x < span.end; ++x) {
      const Point place = places.at(x);
      nearest_pixel(in, place.x, place.y, out + x * in.channels);
    }
    return;
  }
  if (sampling == Sampling::kBicubic) {
    for (int x = span.begin; x < span.end; ++x) {
      const Point place = places.at(x);
      bicubic_pixel(in, place.x, place.y, out + x * in.channels);
    }
    return;
  }
  std::int32_t x[kRun], y[kRun];
  for (int begin = span.begin; begin < span.end; begin += kRun) {
    const int count = std::min(kRun, span.end - begin);
    places.fixed_run(begin, count, x, y);
    bilinear_run_best(in, x, y, count, out + begin * bytes_out(in));
  }
}

// Whether each output pixel is an input pixel, and its neighbours are neighbours of that: turns by quarters, mirrors.
bool moves_whole_pixels(const Matrix3& map) noexcept {
  if (!map.is_affine()) return false;
  for (int r = 0; r < 2; ++r) {
    for (int c = 0; c < 2; ++c) {
      if (map.m[r][c] != 0 && std::abs(map.m[r][c]) != 1) return false;
    }
    if (map.m[r][2] != std::floor(map.m[r][2])) return false;
  }
  return std::abs(map.determinant()) == 1;
}

// In squares: of a turned image, neighbours in a column lie far apart in memory.
template <int kChannels>
void copy_pixels(ImageView in, const Matrix3& to_in, const std::vector<Canvas>& canvases, ImageView out,
                 int first_row) noexcept {
  constexpr int kSide = 16;
  const Point first = to_in({0.5, first_row + 0.5});
  const auto x0 = static_cast<std::ptrdiff_t>(std::floor(first.x)), y0 = static_cast<std::ptrdiff_t>(std::floor(first.y));
  const auto step = [&](int axis) {
    return static_cast<std::ptrdiff_t>(to_in.m[1][axis]) * in.row_bytes +
           static_cast<std::ptrdiff_t>(to_in.m[0][axis]) * kChannels;
  };
  const std::ptrdiff_t across = step(0), down = step(1);
  const std::uint8_t* origin = in.data + y0 * in.row_bytes + x0 * kChannels;
  for (int top = 0; top < out.height; top += kSide) {
    const int bottom = std::min(out.height, top + kSide);
    RowSpan spans[kSide];
    for (int y = top; y < bottom; ++y) spans[y - top] = visible_span(canvases, first_row + y, out.width);
    for (int left = 0; left < out.width; left += kSide) {
      for (int y = top; y < bottom; ++y) {
        const int end = std::min(spans[y - top].end, left + kSide);
        for (int x = std::max(spans[y - top].begin, left); x < end; ++x) {
          std::memcpy(out.row(y) + std::ptrdiff_t{kChannels} * x, origin + y * down + x * across, kChannels);
        }
      }
    }
  }
}

// One by one: all pixels, or of bilinear sampling those that show nothing.
void remap_run(ImageView in, const float* places, int count, Sampling sampling, const std::uint8_t fill[4],
               std::uint8_t* pixels) noexcept {
  for (int i = 0; i < count; ++i) {
    const double x = places[2 * i], y = places[2 * i + 1];
    std::uint8_t* pixel = pixels + i * in.channels;
    if (!(x >= 0 && x < in.width && y >= 0 && y < in.height)) {
      fill_run(fill, in.channels, 1, pixel);
    } else if (sampling == Sampling::kNearest) {
      nearest_pixel(in, x, y, pixel);
    } else if (sampling == Sampling::kBicubic) {
      bicubic_pixel(in, x, y, pixel);
    }
  }
}

}  // namespace

RowSpan visible_span(const std::vector<Canvas>& canvases, int y, int width) noexcept {
  double begin = 0, end = width;
  for (const Canvas& canvas : canvases) {
    const auto& m = canvas.from_out.m;
    double offset[3];
    for (int r = 0; r < 3; ++r) offset[r] = m[r][1] * (y + 0.5) + m[r][2];
    // 0 <= U <= width * W and 0 <= V <= height * W, which takes W >= 0 with it.
    keep_where_positive(m[0][0], offset[0], &begin, &end);
    keep_where_positive(m[1][0], offset[1], &begin, &end);
    keep_where_positive(canvas.width * m[2][0] - m[0][0], canvas.width * offset[2] - offset[0], &begin, &end);
    keep_where_positive(canvas.height * m[2][0] - m[1][0], canvas.height * offset[2] - offset[1], &begin, &end);
  }
  if (!(begin < end)) return {0, 0};
  return {static_cast<int>(begin), static_cast<int>(end)};
}

bool warp_takes_rgb(ImageView in, const Matrix3& to_in, Sampling sampling, int width) noexcept {
  // Of smaller ones, a row of pixels may be near both ends of the image, and what is read for two pixels more than two rows.
  constexpr int kLeastSide = 16;
  return simd() != Simd::kScalar && (simd() == Simd::kAvx2 || EvenWarp::suits(to_in, width)) &&
         sampling == Sampling::kBilinear && in.row_bytes > 0 && in.height >= kLeastSide && in.width >= kLeastSide &&
         in.height * std::int64_t{in.row_bytes} < kMostWarpBytes;
}

void warp_image(ImageView in, const Matrix3& to_in, const std::vector<Canvas>& canvases, Sampling sampling,
                const std::uint8_t fill[4], ImageView out, int first_row) noexcept {
  const bool copies = sampling == Sampling::kNearest && moves_whole_pixels(to_in);
  if (copies) {
    const auto copy = out.channels == 1 ? copy_pixels<1> : copy_pixels<4>;
    copy(in, to_in, canvases, out, first_row);
  }
  std::optional<EvenWarp> even;
  if (sampling == Sampling::kBilinear && EvenWarp::suits(to_in, out.width)) even.emplace(in, to_in);
  for (int y = 0; y < out.height; ++y) {
    const RowSpan span = visible_span(canvases, first_row + y, out.width);
    std::uint8_t* row = out.row(y);
    fill_run(fill, out.channels, span.begin, row);
    fill_run(fill, out.channels, out.width - span.end, row + span.end * out.channels);
    if (even) {
      even->add(first_row + y, span, row);
    } else if (!copies) {
      warp_row(in, RowPlaces(to_in, first_row + y), span, sampling, row);
    }
  }
  if (even) even->finish();
}

void remap_image(ImageView in, const Places& where, Sampling sampling, const std::uint8_t fill[4], ImageView out) noexcept {
  std::int32_t xs[kRun], ys[kRun];
  float xy[2 * kRun];
  for (int row = 0; row < out.height; ++row) {
    for (int begin = 0; begin < out.width; begin += kRun) {
      const int count = std::min(kRun, out.width - begin);
      const float* places = xy;
      if (where.xy != nullptr) {
        places = where.xy + 2 * (static_cast<std::ptrdiff_t>(row) * out.width + begin);
      } else {
        for (int i = 0; i < count; ++i) {
          xy[2 * i] = where.columns[begin + i];
          xy[2 * i + 1] = where.rows[row];
        }
      }
      std::uint8_t* pixels = out.row(row) + begin * out.channels;
      bool all_inside = false;
      if (sampling == Sampling::kBilinear) {
        all_inside = FASTLOAD_BEST(fixed_mesh_run, places, count, in.width, in.height, xs, ys) == count;
        bilinear_run_best(in, xs, ys, count, pixels);
      }
      if (!all_inside || sampling != Sampling::kBilinear) remap_run(in, places, count, sampling, fill, pixels);
    }
  }
}

void even_run(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept {
  for (int i = 0; i < count; ++i) {
    out[i] = static_cast<std::int32_t>(start >> 32);
    start += step;
  }
}

void bilinear_run_best(ImageView in, const std::int32_t* x, const std::int32_t* y, int count, std::uint8_t* out) noexcept {
  int done = 0;
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512 && in.channels == 4) done = bilinear_run_avx512(in, x, y, count, out);
  if (simd() == Simd::kAvx2 && in.channels != 1) done = bilinear_run_avx2(in, x, y, count, out);
#endif
  bilinear_run(in, x + done, y + done, count - done, out + done * bytes_out(in));
}

void bilinear_run(ImageView in, const std::int32_t* x, const std::int32_t* y, int count, std::uint8_t* out) noexcept {
  constexpr int kOne = 1 << kWarpBits;
  constexpr int kRound = 1 << (2 * kWarpBits - 1);
  const int bytes = bytes_out(in);
  for (int i = 0; i < count; ++i) {
    const int column = x[i] >> kWarpBits, row = y[i] >> kWarpBits;
    const int right = x[i] & (kOne - 1), down = y[i] & (kOne - 1);
    const std::uint8_t* top = in.row(std::clamp(row, 0, in.height - 1));
    const std::uint8_t* bottom = in.row(std::clamp(row + 1, 0, in.height - 1));
    std::uint8_t* pixel = out + std::ptrdiff_t{bytes} * i;
    const int first = std::clamp(column, 0, in.width - 1) * in.channels;
    const int second = std::clamp(column + 1, 0, in.width - 1) * in.channels;
    for (int c = 0; c < in.channels; ++c) {
      const int left_sum = (kOne - down) * top[first + c] + down * bottom[first + c];
      const int right_sum = (kOne - down) * top[second + c] + down * bottom[second + c];
      pixel[c] = static_cast<std::uint8_t>(((kOne - right) * left_sum + right * right_sum + kRound) >> (2 * kWarpBits));
    }
  }
}

}  // namespace fastload
