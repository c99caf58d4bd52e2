// The last pass over an image: where each pixel goes, what its levels mean, and in which layout and type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/image_view.h"

namespace fastload {

enum class OutType : std::uint8_t { kUint8, kFloat16, kBfloat16, kFloat32 };
std::size_t out_bytes(OutType type) noexcept;  // of one value

// Divides by a number d: a * reciprocal + a * lack, fused. Before it is rounded, that is within 2^-47 of a / d, and nearly
// always rounded as that is; divisions take five times as long.
struct Divisor {
  float reciprocal = 1, lack = 0;  // 1 / d rounded, and what that lacks
  static Divisor of(float d) noexcept {
    const float reciprocal = 1.0F / d;
    return {reciprocal, static_cast<float>(1.0 / static_cast<double>(d) - static_cast<double>(reciprocal))};
  }
};

// ((level / divisor) - mean) / deviation for each channel, each step rounded to float32; or level * factor first.
struct Arithmetic {
  bool divides = true;  // by `by_scale`, else multiplies by `scale`
  float scale = 1.0F / 255.0F;
  Divisor by_scale = Divisor::of(255.0F);
  bool normalises = false;
  float mean[3] = {0, 0, 0};
  Divisor by_deviation[3];
};

// What the 256 levels of each channel become. The table is the truth. Computing a value is quicker than looking it up:
// where a table of float32 shows how it was made, and that gives the same bits for every level, values are computed.
class LevelMap {
 public:
  // channels: 1, 3 or 4. values: channels x 256, of `type` (raw bits), channel by channel; null: levels stay as they
  // are (kUint8 only).
  LevelMap(OutType type, int channels, const void* values);

  OutType type() const noexcept { return type_; }
  int channels() const noexcept { return channels_; }
  bool is_identity() const noexcept { return table_.empty(); }
  template <class Value>
  const Value* table(int channel) const noexcept {
    return reinterpret_cast<const Value*>(table_.data()) + channel * 256;
  }
  const Arithmetic* arithmetic() const noexcept { return arithmetic_ ? &*arithmetic_ : nullptr; }

 private:
  OutType type_;
  int channels_;
  std::vector<std::uint8_t> table_;
  std::optional<Arithmetic> arithmetic_;
};

// Neighbouring outputs of an axis that show neighbouring inputs, in their order or against it; or all of them the border.
struct Run {
  static constexpr int kBorder = -1;
  int begin, count;  // of the outputs
  int first;  // of the inputs, from the left; or kBorder
  bool reversed;
  bool is_border() const noexcept { return first == kBorder; }
  int input(int i) const noexcept {  // of output begin + i; kBorder of a border
    return is_border() ? kBorder : first + (reversed ? count - 1 - i : i);
  }
};

struct Placement {
  std::span<const Run> rows, columns;  // of the outputs, from the first to the last; empty: as they come
  std::uint8_t fill[4] = {0, 0, 0, 0};  // the border, by channel of the output, before the level map
};

// Writes a height x width image of map.channels() channels. in: 1 or 4 bytes a pixel, kRowPadding readable bytes after
// the last; 4 to 1 takes the luminance as Pillow's convert("L"), 1 to 3 repeats it, 4 to 3 leaves the last out.
// planar: channel by channel (CHW), dense; else pixel by pixel (HWC), dense. out: height * width * channels values of
// the map's type.
void finish_image(ImageView in, const Placement& placement, const LevelMap& map, int height, int width, bool planar,
                  void* out) noexcept;

// The same for some rows, from `first_row` on, of an image of `height` rows that need no placing; in: those alone.
// end_rows() is to follow the last ones.
void finish_rows(ImageView in, const LevelMap& map, int first_row, int height, bool planar, void* out) noexcept;

// What was streamed past the caches comes before all that is written from now on, for other threads and processes too.
void end_rows() noexcept;

}  // namespace fastload
