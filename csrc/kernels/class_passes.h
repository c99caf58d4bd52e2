// Which member of its class each draw takes, when the members of a class take turns.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

// out[k] = the member, below sizes[c], that the next draw of class c = classes[k] takes: a class is gone through in
// shuffled passes, each an order of its own. taken[c] is how often class c was drawn before, and is counted up.
// Classes are below the length of sizes and taken; all sizes are positive.
void take_members(std::uint64_t key, const std::int64_t* classes, const std::int64_t* sizes, std::int64_t* taken,
                  std::int64_t* out, std::size_t count) noexcept;

}  // namespace fastload
