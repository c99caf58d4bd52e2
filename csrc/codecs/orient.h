// EXIF orientations: where a region of the turned image lies in the stored one, and turning.
#pragma once

#include "core/image_view.h"

namespace fastload {

// Whether the turned image has the stored one's rows as its columns.
constexpr bool swaps_sides(int orientation) noexcept { return orientation >= 5; }

// The part of a stored image of width x height that `region` of the turned one shows.
Region stored_region(Region region, int width, int height, int orientation) noexcept;

// Turns `stored` as `orientation` (1 to 8) says. turned: of the same channels, its sides swapped if they are.
void orient_image(ImageView stored, int orientation, ImageView turned) noexcept;

}  // namespace fastload
