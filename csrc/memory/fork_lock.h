// One lock for all slot tables, and one for what is known of mappings, which are never left locked in a forked child.
//
// A lock for each table would be held by a thread that the child of a fork does not have. These are taken
// before a fork and let go on both sides after it, so a child always finds whole tables. Nothing that runs
// under them may take the GIL.
#pragma once

#include <cstdint>
#include <mutex>

namespace fastload {

using Locked = std::unique_lock<std::mutex>;

[[nodiscard]] Locked lock_tables();
[[nodiscard]] Locked lock_mappings();  // after that of the tables, if both are needed

// How many forks lie between the first process and this one: differs in a child from what its parent saw.
std::uint64_t fork_generation() noexcept;

}  // namespace fastload
