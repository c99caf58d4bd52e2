// What becomes of colours along straight lines: sums of the three channels and a constant.
#pragma once

#include <optional>

#include "core/image_view.h"
#include "kernels/color.h"

namespace fastload {

struct ColorMatrix {
  double m[3][4];  // of red, green, blue and 1
};

ColorMatrix line_matrix(double slope, double offset) noexcept;  // the same for all channels
ColorMatrix saturation_matrix(double factor) noexcept;          // of `saturate`
ColorMatrix permutation_matrix(const int order[3]) noexcept;    // of `permute_channels`

// First `first`, then `then`.
ColorMatrix composed(const ColorMatrix& first, const ColorMatrix& then) noexcept;

// Whether all colours within the range stay there, so that nothing is cut off.
bool keeps_range(const ColorMatrix& matrix) noexcept;

// Whether whole levels become whole levels.
bool is_whole(const ColorMatrix& matrix) noexcept;

// Whether each channel becomes one of the three, as it is or from the other end of the range: then colours may be cut off
// before as well as after.
bool is_turn(const ColorMatrix& matrix) noexcept;

// The same in whole numbers, plus kMixNudge; nothing if it is too steep for them.
std::optional<ColorMix> mix_of(const ColorMatrix& matrix) noexcept;

// Levels. Weights in whole numbers put a sum off by less than the first, which is added so that a sum that is a whole
// level, such as that of a grey, is not cut to the one below; the second is the most by which it is off after that.
constexpr double kMixNudge = 1.0 / 16;
constexpr double kMixError = 0.11;

}  // namespace fastload
