// A whole file into memory.
#pragma once

#include <cstdint>
#include <vector>

#include "core/status.h"

namespace fastload {

// Everything in the file at `path`; `into` keeps its capacity from one file to the next. kUnreadable, with the system's
// reason: there is none, no permission, a directory, gone while it was read. An empty file is no fault here.
Status read_file(const char* path, std::vector<std::uint8_t>& into) noexcept;

}  // namespace fastload
