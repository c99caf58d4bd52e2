// EXIF orientations: how an image as stored has to be turned to be looked at.
#pragma once

#include "core/image_view.h"

namespace fastload {

// Whether the oriented image is as wide as the stored one is high.
constexpr bool swaps_axes(int orientation) noexcept { return orientation >= 5 && orientation <= 8; }

// Whether columns, or rows, of the oriented image run against those (or the rows, or columns) of the stored one.
bool mirrors_columns(int orientation) noexcept;
bool mirrors_rows(int orientation) noexcept;

// Where `region` of the oriented image lies in the stored one, whose size is width x height. orientation: 1 to 8.
Region stored_region(Region region, int orientation, int width, int height) noexcept;

// Turns `stored` into `oriented`: same channels (1, 3 or 4), other memory, height and width swapped where swaps_axes().
void orient(ImageView stored, int orientation, ImageView oriented) noexcept;

}  // namespace fastload
