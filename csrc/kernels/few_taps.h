// Rows resized in width where each output is made of at most four pixels: growing, shrinking by less than half, or by
// more without antialiasing.
//
// What a byte permutation and two dot products need is worked out once for an image, not for every few rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/axis_weights.h"

namespace fastload {

class FewTaps {
 public:
  // Whether the weights are of that kind and this processor has the instructions.
  static bool suits(const AxisWeights& weights) noexcept;

  // channels: bytes of an input pixel, 3 or 4. Output pixels have 4; of what had 3, the fourth means nothing.
  void make(const AxisWeights& weights, int channels);

  // in[r] to out[r], r < count, as a HorizontalPass does and to the same levels.
  void run(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept;

 private:
  // Four outputs, a dword for each channel: the sum of four bytes among the 64 from `start` on in the row, by weights of
  // 16 bits that are counted as high * 256 + low.
  struct alignas(64) Four {
    std::uint8_t places[64];
    std::int8_t high[64];
    std::int8_t low[64];
    std::ptrdiff_t start;
  };

  std::vector<Four> fours_;
  bool narrow_ = false;  // all that four outputs are made of are 32 bytes of the row
  int outputs_ = 0, bits_ = 0;
};

}  // namespace fastload
