// Levels looked up in a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/image_view.h"

namespace fastload {

// What each level becomes, channel by channel. A grey image has the first.
using LevelTable = std::array<std::array<std::uint8_t, 256>, 3>;

// Tables that need not be looked up in: levels from `from` on with the bits of `flip` turned over, and then some bits of
// all.
struct FoldedTable {
  std::uint8_t from, flip, mask;
  std::uint8_t operator()(std::uint8_t level) const noexcept {
    return static_cast<std::uint8_t>((level ^ (level >= from ? flip : 0)) & mask);
  }
};

// Tables of brightness and contrast: a line, of which levels beyond black and white are cut off.
struct LineTable {
  std::int32_t slope, offset;  // in parts of 1 << kBits; the slope fits 16 bits
  static constexpr int kBits = 13;
  std::uint8_t operator()(std::uint8_t level) const noexcept {
    const std::int32_t made = (level * slope + offset) >> kBits;
    return static_cast<std::uint8_t>(made < 0 ? 0 : made > 255 ? 255 : made);
  }
};

// A table, and how levels are found in it the quickest way, which is found out once.
class LookUp {
 public:
  // channels: of the images, 1, 3 or 4. bytes: about how many levels they have together. The table must stay.
  LookUp(const LevelTable& table, int channels, std::ptrdiff_t bytes) noexcept;

  // From one image to another of the same size and 1, 3 or 4 bytes a pixel, or to itself. Of four bytes, the last means
  // nothing, before and after.
  void run(ImageView in, ImageView out) const noexcept;

 private:
  enum class Way : std::uint8_t { kByChannel, kFold, kLine, kTable };

  void run(const std::uint8_t* in, std::ptrdiff_t count, std::uint8_t* out) const noexcept;

  const LevelTable& table_;
  Way way_ = Way::kTable;
  FoldedTable folded_{};
  LineTable line_{};
};

// A single image's, as above.
inline void look_up(ImageView in, const LevelTable& table, ImageView out) noexcept {
  LookUp(table, in.channels, std::ptrdiff_t{in.height} * in.width * in.channels).run(in, out);
}

namespace avx2 {
// The same table for all bytes.
void line_run(const std::uint8_t* in, std::ptrdiff_t count, LineTable table, std::uint8_t* out) noexcept;
void fold_run(const std::uint8_t* in, std::ptrdiff_t count, FoldedTable table, std::uint8_t* out) noexcept;
void look_up_run(const std::uint8_t* in, std::ptrdiff_t count, const std::uint8_t* table, std::uint8_t* out) noexcept;
}  // namespace avx2

namespace avx512 {
void look_up_run(const std::uint8_t* in, std::ptrdiff_t count, const std::uint8_t* table, std::uint8_t* out) noexcept;
}  // namespace avx512

}  // namespace fastload
