// Separable resampling of 8-bit images, antialiased when shrinking: Pillow's filters and Pillow's rules, to 1 level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/image_view.h"
#include "kernels/axis_weights.h"
#include "kernels/few_taps.h"

namespace fastload {

// Whether Pillow (from version 13 on) resizes the height of such an image before its width: if it loses more than twice
// as many rows as columns. The order shows: levels are rounded, and cut off at 0 and 255, between the two passes.
constexpr bool height_goes_first(int height, int width, int out_height, int out_width) noexcept {
  const std::int64_t rows_lost = std::int64_t{height} - out_height, columns_lost = std::int64_t{width} - out_width;
  return rows_lost > 0 && rows_lost > columns_lost * 2;
}

// Resizes one image whose rows come one after the other. Keeps its memory from one image to the next.
class RowResizer {
 public:
  static constexpr int kRowsAtOnce = 8;  // of the horizontal pass: weights are loaded once for all of them

  // Whether rows may be taken as RGB, of 3 bytes a pixel, where `out` has 4.
  static bool takes_rgb(const AxisWeights& horizontal, bool height_first) noexcept;

  // Both axes rebased. channels: of the rows that are taken, 1, 4, or 3 where takes_rgb. out: vertical.outputs() rows
  // of horizontal.outputs() pixels of 1 or 4 channels; or at least kRowsAtOnce rows, which are then used in turn.
  // height_first: whether the height is resized first. The weights must stay until the last row.
  void start(const AxisWeights& horizontal, const AxisWeights& vertical, int channels, bool height_first,
             ImageView out);

  // The next rows, from input row 0 to vertical.end_input(), of which at most kRowsAtOnce come at once. Each has
  // horizontal.end_input() pixels, and kRowPadding readable bytes after them. All that they make is to be made before
  // the next ones are taken.
  void take(const std::uint8_t* rows, std::ptrdiff_t row_bytes, int count);

  // The next rows of `out`, one below the other; none if more are to be taken first.
  ImageView make();

 private:
  std::uint8_t* ring_row(int row) noexcept { return ring_.data() + (row % ring_rows_) * ring_row_bytes_; }
  bool is_ready(int row) const noexcept;
  void make_height(int row, std::uint8_t* out);
  void make_width(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const;

  const AxisWeights* horizontal_ = nullptr;
  const AxisWeights* vertical_ = nullptr;
  int channels_ = 0;
  bool height_first_ = false;
  bool keeps_height_ = false;  // each row is one output row
  bool few_ = false;           // few_taps_ resizes in width
  FewTaps few_taps_;
  ImageView out_;
  // The rows that the next output rows are made of: resized in width, or as they came if the height goes first.
  std::vector<std::uint8_t> ring_;
  std::ptrdiff_t ring_row_bytes_ = 0;
  std::size_t ring_row_used_ = 0;  // bytes: the rest is padding
  int ring_rows_ = 0;
  int rows_in_ = 0;
  int rows_out_ = 0;
  std::vector<const std::uint8_t*> tap_rows_;
  std::vector<std::uint8_t> shrunk_;  // up to kRowsAtOnce rows of which only the width is still to be resized
};

}  // namespace fastload
