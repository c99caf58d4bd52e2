// Which pixel of the image each pixel of the result shows, for masks of any type: nothing is interpolated.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/plan.h"

namespace fastload {

// plan: of an image of `size`. One number for each pixel of the result, row by row: y * size.width + x, or -1 where it
// shows no pixel at all.
std::vector<std::int64_t> shown_pixels(const Plan& plan, Size size);

}  // namespace fastload
