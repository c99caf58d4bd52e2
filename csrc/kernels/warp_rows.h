// A run of output pixels, whose places in the input are known, by what the processor offers.
#pragma once

#include <cstdint>

#include "core/image_view.h"
#include "core/matrix3.h"

namespace fastload {

constexpr std::int64_t kMostWarpBytes = std::int64_t{1} << 31;  // of an input: offsets are counted in 32 bits
constexpr int kWarpBits = 7;  // a place is counted in 1 / 128 of a pixel: two weights of 7 bits multiply within 16

constexpr int bytes_out(ImageView in) noexcept { return in.channels == 1 ? 1 : 4; }

// As std::floor, which is a call on processors of any age, of numbers within 64 bits.
constexpr double rounded_down(double number) noexcept {
  const auto whole = static_cast<double>(static_cast<std::int64_t>(number));
  return whole > number ? whole - 1 : whole;
}

// x, y: places of `count` output pixels in the input, less half a pixel, times 128; pixel i lies at 128 * i.
// Interpolates between four neighbours; outside of the input, its nearest pixels are repeated. RGB becomes RGBX.
void bilinear_run(ImageView in, const std::int32_t* x, const std::int32_t* y, int count, std::uint8_t* out) noexcept;

// The same bits, by the best that the processor has.
void bilinear_run_best(ImageView in, const std::int32_t* x, const std::int32_t* y, int count, std::uint8_t* out) noexcept;

// They do as many as they can and return how many: of RGB or RGBX,
int bilinear_run_avx2(ImageView in, const std::int32_t* x, const std::int32_t* y, int count, std::uint8_t* out) noexcept;
// and of RGBX.
int bilinear_run_avx512(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                        std::uint8_t* out) noexcept;

// The places, in 1 / 2^kWarpBits from the middle of the first pixel, of `count` output pixels from `begin` on in a row
// whose centres are at `y`: what fixed() makes of each.
constexpr double kFarthest = 1 << 23;
void fixed_places_avx2(const Matrix3& to_in, double y, int begin, int count, std::int32_t* xs,
                       std::int32_t* ys) noexcept;

// Places at even steps along a row: their upper halves are those of bilinear_run.
struct EvenPlaces {
  std::int64_t x, y;
  std::int64_t step_x, step_y;

  EvenPlaces after(int pixels) const noexcept { return {x + pixels * step_x, y + pixels * step_y, step_x, step_y}; }
};

// As bilinear_run_avx512, of places that lie between four pixels of the input each; for RGB, too, that warp_takes_rgb.
int bilinear_even_avx512(ImageView in, EvenPlaces places, int count, std::uint8_t* out) noexcept;

// Places at even steps, for pixels of 4 bytes from `out` on.
struct WindowRow {
  std::int64_t x, y;  // of the first one
  int count;          // at least kWindowPixels
  int begin, end;     // those of them that certainly lie between four pixels each
  std::uint8_t* out;
};

// Rows that so nearly follow the input's that the neighbours of eight pixels lie in a window of a few bytes of a few rows.
constexpr int kWindowPixels = 8;

// In how many rows, one below the other, the upper neighbours of eight pixels may lie: 2, 4, or 0 if that isn't enough.
constexpr int window_rows(std::int64_t step_y) noexcept {
  constexpr std::int64_t kRow = std::int64_t{1} << (32 + kWarpBits);
  const std::int64_t most = (kWindowPixels - 1) * (step_y < 0 ? -step_y : step_y);
  return most <= kRow ? 2 : most <= 3 * kRow ? 4 : 0;
}

// In how many columns, side by side, the left neighbours of eight pixels may lie.
constexpr std::int64_t window_columns(std::int64_t step_x) noexcept {
  constexpr std::int64_t kColumn = std::int64_t{1} << (32 + kWarpBits);
  return ((kWindowPixels - 1) * (step_x < 0 ? -step_x : step_x) + kColumn - 1) / kColumn + 1;
}

// How many there may be where a row of the window has so many bytes: there is another neighbour to the right.
constexpr int kWindowBytes = 64;
constexpr std::int64_t most_columns(int channels, int bytes = kWindowBytes) noexcept { return bytes / channels - 1; }

// Input rows that are read below the upper neighbours' first one, and one more, into which reading may run on.
constexpr int rows_below_window(std::int64_t step_y) noexcept { return window_rows(step_y) + 1; }

// As bilinear_run, of RGB or RGBX. The input has rows_below_window(step_y) rows below the upper neighbours of each pixel.
void bilinear_windows_avx512(ImageView in, std::int64_t step_x, std::int64_t step_y, const WindowRow* rows,
                             int count) noexcept;

// Rows of which four pixels lie in three rows of the input, and each two of them in a few columns.
constexpr std::int64_t kSteepestPairStep = (std::int64_t{1} << (32 + kWarpBits)) / 3;
constexpr std::int64_t longest_pair_step(int channels) noexcept {
  return std::int64_t{channels == 3 ? 2 : 1} << (32 + kWarpBits);
}
constexpr int kRowsBelowPairs = 3;  // one more than are needed: sixteen bytes are read for two pixels, which may run on

// As bilinear_windows_avx512, of pixels that lie between four others each, and have kRowsBelowPairs rows below the upper
// ones.
void bilinear_pairs_avx2(ImageView in, std::int64_t step_x, std::int64_t step_y, const WindowRow* rows,
                         int count) noexcept;

// The upper halves of start, start + step, start + 2 step, ...
void even_run(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept;
void even_run_avx2(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept;
void even_run_avx512(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept;

namespace avx2 {
int fixed_mesh_run(const float* places, int count, int width, int height, std::int32_t* xs, std::int32_t* ys) noexcept;
}  // namespace avx2

}  // namespace fastload
