// What was in an image, as a mesh shows it: outlines, by the pixels that come from within them.
#pragma once

#include "pipeline/targets.h"

namespace fastload {

// What encloses the pixels whose centres come from within a convex polygon; nothing if there are none.
// Takes time by the polygon's outline and the distance that pixels move, not by its area.
Polygon seen_through(const Mesh& mesh, const Polygon& polygon);

}  // namespace fastload
