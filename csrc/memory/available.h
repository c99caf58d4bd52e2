// How much memory the system could still give to this process.
#pragma once

#include <cstdint>

namespace fastload {

// Bytes, by the machine's account and by every control group above this process; a guess, since others ask
// for memory too. The largest number where nothing is known.
std::uint64_t available_bytes() noexcept;

}  // namespace fastload
