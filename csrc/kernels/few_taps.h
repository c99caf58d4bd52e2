// Rows resized in width where each output is made of at most four pixels: growing, shrinking by less than half, or by
// more without antialiasing.
//
// What permutations of bytes and sums of products need is worked out once for an image, not for every few rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/axis_weights.h"

namespace fastload {

class FewTaps {
 public:
  // Whether the weights are of that kind and this processor has the instructions. channels: as below.
  static bool suits(const AxisWeights& weights, int channels) noexcept;

  // channels: bytes of an input pixel, 1, 3 or 4. Output pixels have 1 or 4; of what had 3, the fourth means nothing.
  void make(const AxisWeights& weights, int channels);

  // in[r] to out[r], r < count, as a HorizontalPass does and to the same levels.
  void run(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept;

 private:
  // AVX-512: a dword for each of four outputs' channels, or of sixteen grey outputs: the sum of four bytes among the 64
  // from `start` on in the row, by weights of 16 bits that are counted as high * 256 + low.
  struct alignas(64) Sums {
    std::uint8_t places[64];
    std::int8_t high[64];
    std::int8_t low[64];
    std::ptrdiff_t start;
  };

  // AVX2: sixteen grey outputs, half of them of the 16 bytes from each start on. places: of the first two taps and of the
  // others, of the first and of the second four outputs in each half; a byte that is none makes words of them.
  struct alignas(32) Grey {
    std::int8_t places[2][2][32];
    std::int16_t weights[2][2][16];
    std::ptrdiff_t starts[2];
  };

  void make_avx512(const AxisWeights& weights, int channels);
  void make_avx2(const AxisWeights& weights);
  void run_avx512(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept;
  void run_avx2(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept;
  // The first of so many outputs that are made at once, from `next` on; the last ones may be made twice.
  int first_of(int next, int at_once) const noexcept { return next + at_once < outputs_ ? next : outputs_ - at_once; }

  std::vector<Sums> sums_;
  std::vector<Grey> greys_;
  bool is_grey_ = false;
  bool narrow_ = false;  // all that the Sums are made of are 32 bytes of the row
  bool two_ = false;     // no output is made of more than two
  int outputs_ = 0, bits_ = 0;
};

}  // namespace fastload
