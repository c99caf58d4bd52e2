// The Python type Lease: a writable buffer whose death is the return of its slot.
#pragma once

#include <pybind11/pybind11.h>

#include "memory/lease.h"

namespace fastload {

void bind_lease(pybind11::module_& m);

pybind11::object wrap_lease(Lease lease);

// The lease inside a Python Lease; throws pybind11::type_error for anything else.
const Lease& lease_of(pybind11::handle object);

}  // namespace fastload
