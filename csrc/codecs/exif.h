// The one thing that EXIF data says of interest to a decoder: how the picture is to be turned.
#pragma once

#include <cstdint>
#include <span>

namespace fastload {

// 1 to 8 as EXIF numbers them; 1 if the JPEG file says nothing, or nothing that makes sense.
int exif_orientation(std::span<const std::uint8_t> file) noexcept;

}  // namespace fastload
