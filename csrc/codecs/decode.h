// One whole decoding of a JPEG file into memory of its own: region, scale and orientation put together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "codecs/jpeg.h"

namespace fastload {

struct DecodeRequest {
  int channels = 3;              // 1: luminance, 3: RGB, 0: 1 for a grey file and 3 for others
  std::optional<Region> region;  // of the oriented image, in pixels of its full size
  int min_width = 0;             // of what comes out, which may be made with less work where that leaves it so large;
  int min_height = 0;            // 0, 0: as large as it is
  bool orient = true;            // as EXIF says; otherwise region and sizes are those of the file
  std::int64_t max_pixels = 0;   // 0: any number
};

struct DecodedImage {
  std::unique_ptr<std::uint8_t[]> pixels;
  int height = 0;
  int width = 0;
  int channels = 0;
};

Status decode(JpegDecoder& decoder, std::span<const std::uint8_t> file, const DecodeRequest& request,
              DecodedImage* image) noexcept;

}  // namespace fastload
