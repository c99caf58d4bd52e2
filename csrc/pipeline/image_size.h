// Sizes, margins and the colour of borders.
#pragma once

#include <array>
#include <cstdint>

namespace fastload {

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
