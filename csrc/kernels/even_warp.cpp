#include "kernels/even_warp.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/cpu.h"

namespace fastload {
namespace {

constexpr int kRun = 256;  // pixels whose places are worked out at once: they stay in the first cache
constexpr int kFew = 8;    // pixels that are made before anything wider is ready
constexpr double kLongestStep = 1 << 20;
constexpr int kMostSteps = 1 << 16;

// Places are counted in 2^-32 of a unit. Those of which a row is made are multiples of 2^-24 of a pixel, so that 32 bits
// are enough for what lies near each other: adding up steps as often as there may be is off by a quarter of a unit.
std::int64_t as_place(double pixels) noexcept {
  constexpr int kFraction = 24;
  const auto place = static_cast<std::int64_t>(rounded_down(pixels * (1 << kFraction) + 0.5));
  return place << (32 + kWarpBits - kFraction);
}

void even_runs(EvenPlaces places, int count, std::int32_t* x, std::int32_t* y) noexcept {
  auto run = even_run;
#if defined(__x86_64__)
  if (simd() != Simd::kScalar && count > kFew) run = simd() == Simd::kAvx512 ? even_run_avx512 : even_run_avx2;
#endif
  run(places.x, places.step_x, count, x);
  run(places.y, places.step_y, count, y);
}

// Of a row's pixels, those that lie between the first and the last of `size` on an axis, among [begin, end).
[[maybe_unused]] RowSpan between(std::int64_t start, std::int64_t step, int size, RowSpan span) noexcept {
  const std::int64_t last = (std::int64_t{size - 1} << (32 + kWarpBits)) - 1;
  const auto lies_between = [&](int i) { return start + i * step >= 0 && start + i * step <= last; };
  if (span.begin >= span.end || (lies_between(span.begin) && lies_between(span.end - 1))) return span;
  if (step == 0 || last < 0) return {span.begin, span.begin};
  const std::int64_t nearer = step > 0 ? start : last - start, stride = std::abs(step);  // at least 0, at most last
  const std::int64_t first = nearer >= 0 ? 0 : (-nearer + stride - 1) / stride;
  const std::int64_t beyond = nearer > last ? 0 : (last - nearer) / stride + 1;
  const auto begin = static_cast<int>(std::min<std::int64_t>(std::max<std::int64_t>(span.begin, first), span.end));
  const auto end = static_cast<int>(std::max<std::int64_t>(std::min<std::int64_t>(span.end, beyond), begin));
  return {begin, end};
}

// Of a row's pixels among `span`, those that lie in the rows before `row`.
[[maybe_unused]] RowSpan above(std::int64_t start, std::int64_t step, int row, RowSpan span) noexcept {
  const std::int64_t last = (std::int64_t{row} << (32 + kWarpBits)) - 1;
  const auto lies_above = [&](int i) { return start + i * step <= last; };
  if (span.begin >= span.end || (lies_above(span.begin) && lies_above(span.end - 1))) return span;
  if (step == 0 || !(lies_above(span.begin) || lies_above(span.end - 1))) return {span.begin, span.begin};
  if (step > 0) return {span.begin, static_cast<int>((last - start) / step) + 1};
  return {static_cast<int>((start - last - step - 1) / -step), span.end};
}

// Whether the neighbours of kWindowPixels pixels lie in a window, and reading on behind a row stays within the next one.
bool fits_windows(ImageView in, std::int64_t step_x, std::int64_t step_y) noexcept {
  return simd() == Simd::kAvx512 && in.channels != 1 && in.row_bytes > 0 && in.width * in.channels >= kWindowBytes &&
         window_rows(step_y) != 0 && window_columns(step_x) <= most_columns(in.channels);
}

// Whether four pixels lie near enough to each other for bilinear_pairs_avx2.
bool fits_pairs(ImageView in, std::int64_t step_x, std::int64_t step_y) noexcept {
  return simd() == Simd::kAvx2 && in.channels != 1 && in.row_bytes > 0 &&
         std::abs(step_x) <= longest_pair_step(in.channels) && std::abs(step_y) <= kSteepestPairStep;
}

}  // namespace

bool EvenWarp::suits(const Matrix3& to_in, int width) noexcept {
  return to_in.is_affine() && width <= kMostSteps && std::abs(to_in.m[0][0]) < kLongestStep &&
         std::abs(to_in.m[1][0]) < kLongestStep;
}

EvenWarp::EvenWarp(ImageView in, const Matrix3& to_in) noexcept
    : in_(in),
      to_in_(to_in),
      step_x_(as_place(to_in.m[0][0])),
      step_y_(as_place(to_in.m[1][0])),
      has_windows_(fits_windows(in, step_x_, step_y_)),
      has_pairs_(fits_pairs(in, step_x_, step_y_)) {}

EvenPlaces EvenWarp::places_of(int y, int begin) const noexcept {
  constexpr std::int64_t kHalf = std::int64_t{1} << 31;
  const Point start = to_in_({begin + 0.5, y + 0.5});
  return {as_place(start.x - 0.5) + kHalf, as_place(start.y - 0.5) + kHalf, step_x_, step_y_};
}

void EvenWarp::add(int y, RowSpan span, std::uint8_t* out) noexcept {
  if (span.begin == span.end) return;  // who sees nothing may look anywhere, too far away to be counted
  const EvenPlaces places = places_of(y, span.begin);
  const RowSpan all{0, span.end - span.begin};
  out += std::ptrdiff_t{bytes_out(in_)} * span.begin;
#if defined(__x86_64__)
  const bool by_vectors = simd() == Simd::kAvx512 ? in_.channels != 1 : has_pairs_;
  if (by_vectors) return add_by_vectors(places, all, out);
#endif
  make(places, all, out);
}

// Pixels of a row that begins at `out`, wherever they lie.
void EvenWarp::make(EvenPlaces places, RowSpan span, std::uint8_t* out) const noexcept {
  std::int32_t x[kRun], y[kRun];
  for (int begin = span.begin; begin < span.end; begin += kRun) {
    const int count = std::min(kRun, span.end - begin);
    even_runs(places.after(begin), count, x, y);
    const auto run = count > kFew ? bilinear_run_best : bilinear_run;
    run(in_, x, y, count, out + std::ptrdiff_t{begin} * bytes_out(in_));
  }
}

#if defined(__x86_64__)
void EvenWarp::add_by_vectors(EvenPlaces places, RowSpan all, std::uint8_t* out) noexcept {
  const RowSpan inside = between(places.y, step_y_, in_.height, between(places.x, step_x_, in_.width, all));
  RowSpan later{0, 0};
  if (has_windows_) later = put_off(places, all, inside, rows_below_window(step_y_), out);
  if (has_pairs_) later = put_off(places, inside, inside, kRowsBelowPairs, out);
  make_now(places, {all.begin, later.begin}, inside, out);
  make_now(places, {later.end, all.end}, inside, out);
}

// As make(), of pixels of which those `inside` lie between four others each.
void EvenWarp::make_now(EvenPlaces places, RowSpan span, RowSpan inside, std::uint8_t* out) const noexcept {
  if (span.begin == span.end) return;
  if (simd() == Simd::kAvx2) return make(places, span, out);
  const int begin = std::clamp(inside.begin, span.begin, span.end), end = std::clamp(inside.end, begin, span.end);
  make(places, {span.begin, begin}, out);
  const int done = bilinear_even_avx512(in_, places.after(begin), end - begin, out + std::ptrdiff_t{4} * begin);
  make(places, {begin + done, span.end}, out);
}

// Leaves those pixels that have so many rows below their upper neighbours to finish(); which they are.
RowSpan EvenWarp::put_off(EvenPlaces places, RowSpan span, RowSpan inside, int rows_below, std::uint8_t* out) noexcept {
  const RowSpan windows = above(places.y, step_y_, in_.height - rows_below, span);
  const int count = windows.end - windows.begin;
  if (count < kWindowPixels) return {0, 0};
  if (rows_put_off_ == kMostRows) finish();
  const EvenPlaces first = places.after(windows.begin);
  const int begin = std::clamp(inside.begin - windows.begin, 0, count);
  const int end = std::clamp(inside.end - windows.begin, begin, count);
  put_off_[rows_put_off_++] = {first.x, first.y, count, begin, end, out + std::ptrdiff_t{4} * windows.begin};
  return windows;
}
#endif

void EvenWarp::finish() noexcept {
#if defined(__x86_64__)
  const auto make_rows = simd() == Simd::kAvx512 ? bilinear_windows_avx512 : bilinear_pairs_avx2;
  if (rows_put_off_ > 0) make_rows(in_, step_x_, step_y_, put_off_, rows_put_off_);
#endif
  rows_put_off_ = 0;
}

}  // namespace fastload
