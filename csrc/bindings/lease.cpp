// Written against the C API: a buffer request is answered without an allocation, and a lease without a look-up.
#include "bindings/lease.h"

#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include <structmember.h>

namespace py = pybind11;

namespace fastload {
namespace {

struct LeaseObject {
  PyObject_HEAD
  PyObject* weak_references;
  Py_ssize_t nbytes;
  unsigned long long slot;
  unsigned long long address;
  alignas(Lease) std::byte lease[sizeof(Lease)];

  Lease& get() noexcept { return *std::launder(reinterpret_cast<Lease*>(lease)); }
};

PyTypeObject* lease_type = nullptr;  // lives as long as the process

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  const Lease& lease = reinterpret_cast<LeaseObject*>(self)->get();
  return PyBuffer_FillInfo(view, self, lease.data(), static_cast<Py_ssize_t>(lease.nbytes()), 0, flags);
}

Py_ssize_t length(PyObject* self) { return reinterpret_cast<LeaseObject*>(self)->nbytes; }

void destroy(PyObject* self) {
  auto* object = reinterpret_cast<LeaseObject*>(self);
  if (object->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  object->get().~Lease();
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMemberDef members[] = {
    {"nbytes", T_PYSSIZET, offsetof(LeaseObject, nbytes), READONLY, "length of the buffer"},
    {"slot", T_ULONGLONG, offsetof(LeaseObject, slot), READONLY, "number of the slot, never used again"},
    {"address", T_ULONGLONG, offsetof(LeaseObject, address), READONLY, "where the buffer starts"},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(LeaseObject, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

constexpr char kDoc[] =
    "A writable buffer of bytes inside a slot. Whatever exports the buffer (a tensor, an array, a memoryview)\n"
    "keeps the lease alive; its death is the return of the slot.";

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>(kDoc)},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_members, members},
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {0, nullptr},
};

PyType_Spec spec = {"fastload._core.Lease", sizeof(LeaseObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

void bind_lease(py::module_& m) {
  lease_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (lease_type == nullptr) throw py::error_already_set();
  m.attr("Lease") = py::handle(reinterpret_cast<PyObject*>(lease_type));
}

py::object wrap_lease(Lease lease) {
  auto* object = PyObject_New(LeaseObject, lease_type);
  if (object == nullptr) throw py::error_already_set();
  object->weak_references = nullptr;
  object->nbytes = static_cast<Py_ssize_t>(lease.nbytes());
  object->slot = lease.slot();
  object->address = reinterpret_cast<std::uintptr_t>(lease.data());
  new (object->lease) Lease(std::move(lease));
  return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(object));
}

const Lease& lease_of(py::handle object) {
  if (!Py_IS_TYPE(object.ptr(), lease_type))
    throw py::type_error("lease must be a Lease, got " + std::string(Py_TYPE(object.ptr())->tp_name));
  return reinterpret_cast<LeaseObject*>(object.ptr())->get();
}

}  // namespace fastload
