// From a step to what it does to one image: sizes are computed and random parameters drawn here, once for all targets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/status.h"
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

using Move = std::variant<PadMove, WindowMove, ResizeMove, FlipMove, GreyMove>;

// Appends to `moves` what `step` does to an image of `size` under `key`, and sets `size` to what comes out.
// kBadArgument if it cannot be done, with the numbers.
Status draw(const Step& step, std::uint64_t key, Size* size, std::vector<Move>* moves);

// The size that comes out of `op`, of an image whose size may not be known; nothing if it depends on that.
std::optional<Size> size_after(const Op& op, std::optional<Size> before);

}  // namespace fastload
