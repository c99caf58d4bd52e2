// What is left of an image when it has been through a JPEG file.
#pragma once

#include "core/image_view.h"
#include "core/status.h"

namespace fastload {

// Writes the image, of 1, 3 or 4 bytes a pixel, as a JPEG file of that quality (1 to 100, colours halved both ways as
// libjpeg does by default) in memory, and reads it again into `out`, of the same kind.
Status jpeg_again(ImageView image, int quality, ImageView out) noexcept;

}  // namespace fastload
