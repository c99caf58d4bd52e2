// Separable resampling of 8-bit images, antialiased when shrinking: Pillow's filters and Pillow's rules, to 1 level.
//
// Filters without negative weights use 16-bit weights, which vector instructions multiply four times as fast. Bicubic
// and Lanczos keep Pillow's 32 bits: what the first pass rounds otherwise they would make larger in the second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/image_view.h"

namespace fastload {

enum class Filter : std::uint8_t { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// How the outputs of one axis are made of its inputs. Keeps its memory from one axis to the next.
class AxisWeights {
 public:
  // The axis has in_size pixels, of which [from, to) is stretched or shrunk to full_size outputs; only the outputs
  // begin <= o < end are wanted. 0 <= from < to <= in_size; 0 <= begin < end <= full_size. Inputs outside of
  // [0, in_size) do not take part, as at the border of a Pillow image.
  void make(Filter filter, int in_size, double from, double to, int full_size, int begin, int end);

  int outputs() const noexcept { return static_cast<int>(first_.size()); }
  // The inputs that are used at all: first_input() <= i < end_input().
  int first_input() const noexcept { return first_input_; }
  int end_input() const noexcept { return end_input_; }
  // Makes the first input that is used number 0; for sources that give just those.
  void rebase() noexcept;

  // Whether every output is one input, first(o).
  bool copies() const noexcept { return copies_; }
  bool is_wide() const noexcept { return wide_; }  // 32-bit weights, else 16-bit
  int first(int o) const noexcept { return first_[static_cast<std::size_t>(o)]; }
  int taps() const noexcept { return taps_; }      // the inputs of an output, from first(o) on; some may weigh 0
  int stride() const noexcept { return stride_; }  // weights from one output to the next: zeros follow the last ones
  const std::int16_t* narrow(int o) const noexcept { return narrow_.data() + std::ptrdiff_t{o} * stride_; }
  const std::int32_t* wide(int o) const noexcept { return wide_weights_.data() + std::ptrdiff_t{o} * stride_; }
  int bits() const noexcept { return bits_; }  // a weight of 1 is 1 << bits()

 private:
  template <class Kernel>
  void fill(Kernel kernel, double support, int in_size, double from, double scale, int begin, int end);
  void copy(int in_size, double from, double scale, int begin, int end);
  template <class Weight>
  void keep_inside(int o, Weight* all);
  void quantise(int o, const double* weights, int count, double sum);

  std::vector<int> first_;
  std::vector<std::int16_t> narrow_;
  std::vector<std::int32_t> wide_weights_;
  std::vector<double> exact_;
  int taps_ = 0, stride_ = 0, bits_ = 0;
  int first_input_ = 0, end_input_ = 0;
  bool copies_ = false, wide_ = false;
};

// Whether Pillow (from version 13 on) resizes the height of such an image before its width: if it loses more than twice
// as many rows as columns. The order shows: levels are rounded, and cut off at 0 and 255, between the two passes.
constexpr bool height_goes_first(int height, int width, int out_height, int out_width) noexcept {
  const std::int64_t rows_lost = std::int64_t{height} - out_height, columns_lost = std::int64_t{width} - out_width;
  return rows_lost > 0 && rows_lost > columns_lost * 2;
}

// Resizes one image whose rows come one after the other. Keeps its memory from one image to the next.
class RowResizer {
 public:
  // Both axes rebased. channels: 1 or 4. out: vertical.outputs() rows of horizontal.outputs() pixels of that many
  // channels. height_first: whether the height is resized first. The weights must stay until the last row.
  void start(const AxisWeights& horizontal, const AxisWeights& vertical, int channels, bool height_first,
             ImageView out);

  // The next `count` rows, from input row 0 on; all vertical.end_input() of them make `out` whole. Each has
  // horizontal.end_input() pixels, and kRowPadding readable bytes after them.
  void push(const std::uint8_t* rows, std::ptrdiff_t row_bytes, int count);

 private:
  std::uint8_t* ring_row(int row) noexcept { return ring_.data() + (row % ring_rows_) * ring_row_bytes_; }
  void take(const std::uint8_t* rows, std::ptrdiff_t row_bytes, int count);
  void emit();
  void make_height(int row, std::uint8_t* out);
  void make_width(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const;

  const AxisWeights* horizontal_ = nullptr;
  const AxisWeights* vertical_ = nullptr;
  int channels_ = 0;
  bool height_first_ = false;
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
