// What each file of bindings/ adds to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace fastload {

void bind_threads(pybind11::module_& m);
void bind_memory(pybind11::module_& m);
void bind_collate(pybind11::module_& m);
void bind_gather(pybind11::module_& m);
void bind_image_io(pybind11::module_& m);
void bind_read_ahead(pybind11::module_& m);
void bind_image_program(pybind11::module_& m);
void bind_image_jobs(pybind11::module_& m);
void bind_image_targets(pybind11::module_& m);
void bind_object_masks(pybind11::module_& m);
void bind_sampling_orders(pybind11::module_& m);
void bind_sampling_weighted(pybind11::module_& m);

}  // namespace fastload
