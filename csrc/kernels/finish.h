// The last pass over an image: where each pixel goes, what its levels mean, and in which layout and type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/image_view.h"

namespace fastload {

enum class OutType : std::uint8_t { kUint8, kFloat16, kBfloat16, kFloat32 };
std::size_t out_bytes(OutType type) noexcept;  // of one value

// What the 256 levels of each channel become. The table is the truth; where plain arithmetic gives the same values to
// the last bit, which is checked for every level when this is made, the kernels compute instead of looking up.
class LevelMap {
 public:
  // channels: 1, 3 or 4. values: channels x 256, of `type` (raw bits), channel by channel.
  // kUint8 with no values: levels stay as they are.
  LevelMap(OutType type, int channels, const void* values);
  OutType type_; int channels_; std::vector<std::uint8_t> table_;
};

struct Placement {
  // Input column of each output column, input row of each output row; -1: fill. Null: 0, 1, 2, ... columns_reversed
  // and rows_reversed (only without a map): the other way round, a flip.
  const std::int32_t* columns = nullptr;
  const std::int32_t* rows = nullptr;
  bool columns_reversed = false;
  bool rows_reversed = false;
  std::uint8_t fill[4] = {0, 0, 0, 0};  // by channel of the output, before the level map
};

// Writes a height x width image of map.channels() channels. in: 1 or 4 bytes a pixel; 4 to 1 takes the luminance as
// Pillow's convert("L"), 1 to 3 repeats it, 4 to 3 leaves the last out. planar: channel by channel (CHW), dense;
// else pixel by pixel (HWC), dense. out: height * width * channels values of the map's type.
void finish_image(ImageView in, const Placement& placement, const LevelMap& map, int height, int width, bool planar,
                  void* out) noexcept;

}  // namespace fastload
