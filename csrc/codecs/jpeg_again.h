// What is left of an image when it has been through a JPEG file.
#pragma once

#include "core/image_view.h"
#include "core/status.h"

namespace fastload {

// Writes the image, of 1 or 4 bytes a pixel, as a JPEG file of that quality (1 to 100, colours halved both ways as
// libjpeg does by default) in memory, and reads it again in its place.
Status jpeg_again(ImageView image, int quality) noexcept;

}  // namespace fastload
