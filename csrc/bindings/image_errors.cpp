#include "bindings/image_errors.h"

namespace py = pybind11;

namespace fastload {
namespace {

// Texts may hold what a file said: never an error of their own.
py::object text_of(const Status& status) {
  PyObject* text = PyUnicode_DecodeUTF8(status.text(), static_cast<Py_ssize_t>(strlen(status.text())), "replace");
  if (text == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(text);
}

[[noreturn]] void raise(const py::object& type, const py::object& error) {
  PyErr_SetObject(type.ptr(), error.ptr());
  throw py::error_already_set();
}

}  // namespace

void raise_image_fault(const Status& status, const py::object& path) {
  const py::object text = text_of(status);
  const py::module_ errors = py::module_::import("fastload._errors");
  switch (status.fault()) {
    case Fault::kNoMemory: raise(py::reinterpret_borrow<py::object>(PyExc_MemoryError), text);
    case Fault::kBadArgument: raise(py::reinterpret_borrow<py::object>(PyExc_ValueError), text);
    case Fault::kForeign: raise(errors.attr("ForeignImageError"), errors.attr("ForeignImageError")(text));
    default: raise(errors.attr("DecodeError"), errors.attr("DecodeError")(text, path));
  }
}

}  // namespace fastload
