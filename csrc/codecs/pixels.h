// Colours that libjpeg does not convert, computed as Pillow does.
#pragma once

#include <cstdint>

namespace fastload {

// Inverted CMYK, as Adobe's programs write it and Pillow takes all CMYK JPEG files to be, to RGB of 3 or 4 bytes.
// `rgb` may be `cmyk`.
void rgb_from_cmyk(const std::uint8_t* cmyk, int pixels, int bytes_per_pixel, std::uint8_t* rgb) noexcept;

}  // namespace fastload
