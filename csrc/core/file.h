// Whole files into memory.
#pragma once

#include <cstdint>
#include <vector>

#include "core/status.h"

namespace fastload {

// The bytes of the regular file at `path`; kUnreadable with the system's reason if that fails. `into` grows and is
// never made smaller than it was: only the first *size bytes count.
Status read_file(const char* path, std::vector<std::uint8_t>* into, std::size_t* size) noexcept;

}  // namespace fastload
