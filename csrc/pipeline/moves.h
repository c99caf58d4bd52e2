// What is done to one image, its boxes and its points: random parameters are drawn and sizes known.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "core/matrix3.h"
#include "pipeline/ops.h"

namespace fastload {

struct PadMove {
  Margins margins;
  Fill fill;
  PadMode mode;
};
struct WindowMove {  // within the image
  int top, left;
  Size size;
};
struct ResizeMove {
  Size size;
  Filter filter;
};
struct FlipMove {
  bool horizontal;
};
struct GreyMove {
  int channels;
};
struct WarpMove {
  Matrix3 forward, back;  // from what is there to what comes out, and the other way
  Size size;              // of what comes out
  WarpLook look;
};

struct MeshMove {  // what comes out has the mesh's size
  std::shared_ptr<const Mesh> mesh;
  WarpLook look;
};
// Objects the middle of whose visible part is not within the window, which is to be cut next, are no longer there.
struct CentreMove {
  int top, left;
  Size size;
};

using Move = std::variant<PadMove, WindowMove, ResizeMove, FlipMove, GreyMove, WarpMove, MeshMove, CentreMove, PixelMove,
                          EraseMove>;
using ColourMove = std::variant<PixelMove, EraseMove>;

}  // namespace fastload
