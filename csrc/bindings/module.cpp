// The extension module is a list of its parts; each bind_* lives in its own file beside this one.
#include <pybind11/pybind11.h>

#include "bindings/bindings.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "C++ core of fastload: memory slots, collate and gather, sampling, images.";
  fastload::bind_threads(m);
  fastload::bind_memory(m);
  fastload::bind_collate(m);
  fastload::bind_gather(m);
  fastload::bind_image_io(m);
  fastload::bind_read_ahead(m);
  fastload::bind_image_targets(m);
  fastload::bind_object_masks(m);
  fastload::bind_image_program(m);
  fastload::bind_image_jobs(m);
  fastload::bind_sampling_orders(m);
  fastload::bind_sampling_weighted(m);
}
