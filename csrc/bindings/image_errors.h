// Faults of images as Python exceptions.
#pragma once

#include <pybind11/pybind11.h>

#include "core/status.h"

namespace fastload {

// Raises what `status`, which is not ok, stands for: fastload._errors.DecodeError or ForeignImageError, MemoryError, or
// ValueError for a bad argument. path: str, or None if the bytes came from memory. Needs the GIL.
[[noreturn]] void raise_image_fault(const Status& status, const pybind11::object& path);

}  // namespace fastload
