// From a step to what it does to one image: sizes are computed and random parameters drawn here, once for all targets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/status.h"
#include "pipeline/moves.h"
#include "pipeline/targets.h"

namespace fastload {

// Appends to `moves` what `step` does to an image of `size` under `key`, and sets `size` to what comes out; targets move
// with it. kBadArgument if it cannot be done, with the numbers.
Status draw(const Step& step, std::uint64_t key, Size* size, Targets* targets, std::vector<Move>* moves);

// The size that comes out of a move.
Size size_after(const Move& move, Size before);

// The size that comes out of `op`, of an image whose size may not be known; nothing if it depends on that.
std::optional<Size> size_after(const Op& op, std::optional<Size> before);

}  // namespace fastload
