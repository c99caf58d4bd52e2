// What was in an image, as a mesh shows it. The mesh says where pixels come from; points and outlines go the other way.
#pragma once

#include "pipeline/targets.h"

namespace fastload {

// Where a place goes to.
Point moved(const Mesh& mesh, Point place);
Polygon moved(const Mesh& mesh, Polygon places);

// What encloses the pixels whose centres come from within a convex polygon; nothing if there are none.
// Takes time by the polygon's outline and the distance that pixels move, not by its area.
Polygon seen_through(const Mesh& mesh, const Polygon& polygon);

}  // namespace fastload
