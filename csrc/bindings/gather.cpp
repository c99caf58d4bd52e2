// gather and index_array: reads tensors, arrays and lists; the work is in kernels/gather.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>

#include "bindings/bindings.h"
#include "bindings/gather_args.h"
#include "bindings/gil.h"
#include "kernels/gather.h"

namespace fastload {
namespace {

namespace py = pybind11;

void gather(py::handle source, py::handle indices, py::handle out, py::handle positions) {
  const GatherArgs args = gather_args(source, indices, out, positions);
  without_gil([&args] { gather_rows(args.job); });
}

// Reads the list's references without counting them, so that pages shared with a forked parent stay shared.
py::object index_array(py::list indices) {
  const Py_ssize_t count = PyList_GET_SIZE(indices.ptr());
  py::array_t<std::int64_t> result(count);
  std::int64_t* out = result.mutable_data();
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* index = PyList_GET_ITEM(indices.ptr(), k);
    if (!PyLong_CheckExact(index)) return py::none();
    int overflow = 0;
    out[k] = PyLong_AsLongLongAndOverflow(index, &overflow);
    if (overflow != 0) return py::none();
  }
  return result;
}

}  // namespace

void bind_gather(py::module_& m) {
  m.def("gather", &gather, py::arg("source"), py::arg("indices"), py::arg("out"), py::arg("positions") = py::none(),
        "out[k] = source[indices[k]], or out[positions[k]] = source[indices[k]]; IndexError before anything is "
        "written.");
  m.def("index_array", &index_array, py::arg("indices"),
        "A list of exact ints as an int64 array; None if anything else is in it.");
}

}  // namespace fastload
