// What becomes of the colours of an image, in place. Images have 1 or 4 bytes a pixel; of four, the last means nothing.
// Numbers are rounded as Pillow's ImageEnhance and ImageOps round them.
#pragma once

#include <array>
#include <cstdint>

#include "core/image_view.h"
#include "kernels/look_up.h"

namespace fastload {

// Each channel becomes a sum of the three and a constant, cut off at the ends of the range, and rounded down. Numbers are
// in parts of 1 / 2^kMixBits; weights are less than 4, and constants less than 2^14 levels. A grey image stays as it is.
constexpr int kMixBits = 13;
struct ColorMix {
  std::int16_t weights[3][3];
  std::int32_t constants[3];
};
void mix_channels(ImageView image, const ColorMix& mix) noexcept;

// (1 - factor) * luminance + factor * colour. A grey image stays as it is.
void saturate(ImageView image, float factor) noexcept;

// Hue, saturation and value (the largest channel) move by parts of a turn, and of their ranges; both are cut off.
struct HsvShift {
  float hue = 0, saturation = 0, value = 0;
};
void shift_hsv(ImageView image, const HsvShift& shift) noexcept;

// The mean of the luminance, and of all levels. Of images of 3 bytes a pixel, too.
double mean_luminance(ImageView image) noexcept;
double mean_level(ImageView image) noexcept;

// How often each level occurs in each channel. Of images of 3 bytes a pixel, too.
using Histogram = std::array<std::array<std::int64_t, 256>, 3>;
void count_levels(ImageView image, Histogram* histogram) noexcept;

// The three channels of each pixel in another order.
void permute_channels(ImageView image, const int order[3]) noexcept;

}  // namespace fastload
