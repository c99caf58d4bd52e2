// Pixels of one image somewhere in memory: rows of 8-bit channels side by side. Owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

struct ImageView {
  std::uint8_t* data = nullptr;
  int height = 0;
  int width = 0;
  int channels = 0;  // bytes from one pixel to the next: 1 grey, 3 RGB, 4 RGBA or RGB and a byte that means nothing
  std::ptrdiff_t row_bytes = 0;

  std::uint8_t* row(int y) const noexcept { return data + y * row_bytes; }
};

// Loads may run up to this many bytes past the last pixel of a row that the pipeline owns; they never use what they read.
constexpr std::size_t kRowPadding = 64;

// Rows that are worked on several times, one kernel after the other, are taken so many bytes at a time: they stay in the
// second-level cache.
constexpr int kBandBytes = 128 << 10;

// x, y: the top left corner. In pixels.
struct Region {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

}  // namespace fastload
