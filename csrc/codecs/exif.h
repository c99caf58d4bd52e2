// The one thing that EXIF and XMP say about pixels.
#pragma once

#include <cstdint>
#include <span>

namespace fastload {

// The orientation in a JPEG file's EXIF segment or, where that has none, in its XMP segment, 1 to 8; 1 where there is
// none, or none that makes sense: what Pillow's exif_transpose goes by. Reads nothing but the segments before the image
// data.
int exif_orientation(std::span<const std::uint8_t> jpeg_file) noexcept;

}  // namespace fastload
