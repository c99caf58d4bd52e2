// From Python's values to those of the image pipeline, and its faults to Python's exceptions.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <vector>

#include "core/image_view.h"
#include "core/status.h"
#include "kernels/finish.h"
#include "pipeline/executor.h"
#include "pipeline/ops.h"
#include "pipeline/program.h"

namespace fastload {

// (stream, name, *arguments) tuples; ValueError or TypeError for anything else.
std::vector<Step> steps_of(const pybind11::list& ops);

// The name of a sampling, and the levels of what is outside; ValueError or TypeError for anything else.
WarpLook look_of(const std::string& sampling, const pybind11::object& fill);

// None, or (layout, dtype, channels, table).
std::optional<OutputFormat> output_of(const pybind11::object& output);

// By what the type is: an array that has been pickled has an object of its own for it. A byte has no order.
bool is_uint8(const pybind11::array& array);

// A (H, W) or (H, W, C) uint8 array, C 1, 3 or 4, dense; `keep` holds what the view looks at.
ImageView image_view_of(const pybind11::object& image, pybind11::array* keep);

// The executor of the calling thread.
Executor& thread_executor();

}  // namespace fastload
