// Separable resampling of 8-bit images, antialiased when shrinking: Pillow's filters and Pillow's rules, to 1 level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/image_view.h"

namespace fastload {

enum class Filter : std::uint8_t { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// How the outputs of one axis are made of its inputs.
class AxisWeights {
 public:
  // The axis has in_size pixels, of which [from, to) is stretched or shrunk to full_size outputs; only the outputs
  // begin <= o < end are wanted. 0 <= from < to <= in_size; 0 <= begin < end <= full_size. Inputs outside of
  // [0, in_size) do not take part, as at the border of a Pillow image.
  void make(Filter filter, int in_size, double from, double to, int full_size, int begin, int end);

  int outputs() const noexcept;
  // The inputs that are used at all: first_input() <= i < end_input().
  int first_input() const noexcept;
  int end_input() const noexcept;
  // Makes the first input that is used number 0; for sources that give just those.
  void rebase() noexcept;
  // Whether output o is input o + first_input() for every o: nothing to be computed.
  bool is_identity() const noexcept;
  std::vector<int> first_; std::vector<std::vector<double>> w_; bool ident_=false;
};

// Resizes one image whose rows come one after the other. Keeps its memory from one image to the next.
class RowResizer {
 public:
  // Both axes rebased. channels: 1 or 4 (three colours or more side by side). out: vertical.outputs() rows of
  // horizontal.outputs() pixels of that many channels, rows padded by kRowPadding. The weights must stay until the last row.
  void start(const AxisWeights& horizontal, const AxisWeights& vertical, int channels, ImageView out);

  // The next `count` rows, from input row 0 on; all vertical.end_input() of them make `out` whole. Each has
  // horizontal.end_input() pixels, and kRowPadding readable bytes after them.
  void push(const std::uint8_t* rows, std::ptrdiff_t row_bytes, int count);
 const AxisWeights*h_,*v_; int c_; ImageView out_; std::vector<std::vector<std::uint8_t>> rows_;
};

}  // namespace fastload
