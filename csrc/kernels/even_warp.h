// The bilinear warp of an affine map: along a row, its pixels lie the same step apart in the input.
#pragma once

#include <cstdint>

#include "core/image_view.h"
#include "core/matrix3.h"
#include "kernels/warp.h"
#include "kernels/warp_rows.h"

namespace fastload {

class EvenWarp {
 public:
  // Whether a map is affine, no step leaves the range of integers, and rows of that width are not too long to be stepped
  // along.
  static bool suits(const Matrix3& to_in, int width) noexcept;

  EvenWarp(ImageView in, const Matrix3& to_in) noexcept;

  // Columns [span.begin, span.end) of output row y, which begins at `out`: made now or by finish().
  void add(int y, RowSpan span, std::uint8_t* out) noexcept;
  void finish() noexcept;

 private:
  static constexpr int kMostRows = 32;

  EvenPlaces places_of(int y, int begin) const noexcept;
  void make(EvenPlaces places, RowSpan span, std::uint8_t* out) const noexcept;
  void add_by_vectors(EvenPlaces places, RowSpan all, std::uint8_t* out) noexcept;
  void make_now(EvenPlaces places, RowSpan span, RowSpan inside, std::uint8_t* out) const noexcept;
  RowSpan put_off(EvenPlaces places, RowSpan span, RowSpan inside, int rows_below, std::uint8_t* out) noexcept;

  ImageView in_;
  const Matrix3& to_in_;
  std::int64_t step_x_, step_y_;
  bool has_windows_, has_pairs_;
  int rows_put_off_ = 0;
  WindowRow put_off_[kMostRows];
};

}  // namespace fastload
