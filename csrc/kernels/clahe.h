// Contrast-limited adaptive histogram equalisation: Zuiderveld, "Contrast Limited Adaptive Histogram Equalization",
// Graphics Gems IV, 1994, with OpenCV's rules for the limit and for what it takes off.
#pragma once

#include "core/image_view.h"

namespace fastload {

// Of a grey image its levels; of colours the lightness L of CIELAB, of 8 bits as OpenCV has it. `out` is of the same size
// and kind, or the image itself.
// limit: how often a level may occur in a tile, in multiples of the mean; 0 and less: any number of times.
void equalize_tiles(ImageView in, double limit, int tiles_down, int tiles_across, ImageView out);

}  // namespace fastload
