// The one thing that EXIF says about pixels.
#pragma once

#include <cstdint>
#include <span>

namespace fastload {

// The orientation in a JPEG file's EXIF segment, 1 to 8; 1 where there is none, or none that makes sense. Reads nothing
// but the segments before the image data.
int exif_orientation(std::span<const std::uint8_t> jpeg_file) noexcept;

}  // namespace fastload
