// Sizes, margins and the colour of borders.
#pragma once

#include <array>
#include <cstdint>

namespace fastload {

// No argument of a step is longer, and no step makes an image of more pixels: sums of them stay within 32 bits.
constexpr int kLongestSide = 1 << 28;
constexpr std::int64_t kMostPixels = std::int64_t{1} << 29;

// `pixels`, rounded towards 0; what no image can have, and what is no number, as more than that.
constexpr int whole_pixels(double pixels) noexcept {
  constexpr double kMost = 2.0 * kLongestSide;
  return pixels < kMost ? static_cast<int>(pixels > -kMost ? pixels : -kMost) : static_cast<int>(kMost);
}

struct Size {
  int height = 0;
  int width = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

struct Margins {
  int left = 0, top = 0, right = 0, bottom = 0;
};

// The level of each channel in a constant border; a grey image takes the first.
using Fill = std::array<std::uint8_t, 4>;

}  // namespace fastload
