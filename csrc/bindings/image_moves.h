// What a program draws, as Python's values.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "pipeline/program.h"

namespace fastload {

// One tuple (name, ...) for each step, of what it does to an image of that size.
pybind11::list drawn_steps(const ImageProgram& program, std::uint64_t key, Size size, Targets* targets);

}  // namespace fastload
