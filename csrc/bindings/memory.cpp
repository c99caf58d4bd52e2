// SharedFile, Slots, RemoteSlots and copy_into for Python.
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "bindings/lease.h"
#include "kernels/parallel_copy.h"
#include "memory/errors.h"
#include "memory/page_locks.h"
#include "memory/process.h"
#include "memory/remote_slots.h"
#include "memory/shared_file.h"
#include "memory/slots.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace fastload {
namespace {

using Numbers = std::vector<std::uint64_t>;

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const OutOfMemory& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  } catch (const std::system_error& e) {
    PyErr_SetObject(PyExc_OSError, py::make_tuple(e.code().value(), e.what()).ptr());
  }
}

std::size_t positive(long long value, const char* name) {
  if (value < 1) throw std::invalid_argument(std::string(name) + " must be >= 1, got " + std::to_string(value));
  return static_cast<std::size_t>(value);
}

std::size_t not_negative(long long value, const char* name) {
  if (value < 0) throw std::invalid_argument(std::string(name) + " must be >= 0, got " + std::to_string(value));
  return static_cast<std::size_t>(value);
}

// The bytes of a Python object, held as long as this lives.
class Source {
 public:
  explicit Source(py::handle object) {
    if (!PyObject_CheckBuffer(object.ptr())) {
      read_tensor(object);
      return;
    }
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    data = view_.buf;
    nbytes = static_cast<std::size_t>(view_.len);
  }
  ~Source() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }
  Source(const Source&) = delete;

  const void* data = nullptr;
  std::size_t nbytes = 0;

 private:
  void read_tensor(py::handle object) {
    if (!py::hasattr(object, "data_ptr") || !py::hasattr(object, "is_contiguous"))
      throw py::type_error("source must be a buffer or a tensor, got " + std::string(Py_TYPE(object.ptr())->tp_name));
    if (py::str(object.attr("device").attr("type")).cast<std::string>() != "cpu" ||
        !object.attr("is_contiguous")().cast<bool>() || object.attr("is_conj")().cast<bool>() ||
        object.attr("is_neg")().cast<bool>())
      throw std::invalid_argument("source must be a contiguous CPU tensor");
    data = reinterpret_cast<const void*>(object.attr("data_ptr")().cast<std::uintptr_t>());
    nbytes = object.attr("numel")().cast<std::size_t>() * object.attr("element_size")().cast<std::size_t>();
  }

  Py_buffer view_{};
};

void copy_into(py::handle lease_object, long long offset, py::handle object) {
  const Lease& lease = lease_of(lease_object);
  const Source source(object);
  const std::size_t start = not_negative(offset, "offset");
  if (start > lease.nbytes() || source.nbytes > lease.nbytes() - start)
    throw std::invalid_argument(std::to_string(source.nbytes) + " bytes at " + std::to_string(start) +
                                " do not fit into a lease of " + std::to_string(lease.nbytes()));
  without_gil([&] { copy_many_bytes(lease.data() + start, source.data, source.nbytes); });
}

void bind_shared_file(py::module_& m) {
  py::class_<SharedFile, std::shared_ptr<SharedFile>>(
      m, "SharedFile", "Growable memory without a name that several processes can map; owns its descriptor.")
      .def(py::init<int, const std::string&>(), "fd"_a = -1, "kind"_a = "auto")
      .def("fileno", &SharedFile::fileno)
      .def("close", &SharedFile::close, "Close the descriptor; mappings stay until their leases die. Safe to call again.");
}

void bind_slots(py::module_& m) {
  using Place = std::tuple<std::uint64_t, std::uint64_t, std::size_t, std::size_t>;
  py::class_<Slots>(m, "Slots", "Warm memory in slots, on the side that owns them. Safe from any thread.")
      .def(py::init([](std::shared_ptr<SharedFile> file, long long keep_bytes, std::uint64_t lock_owner) {
             return std::make_unique<Slots>(std::move(file), not_negative(keep_bytes, "keep_bytes"), lock_owner);
           }),
           "file"_a = py::none(), "keep_bytes"_a = 256 << 20, "lock_owner"_a = 0)
      .def(
          "acquire",
          [](Slots& self, long long nbytes) {
            const std::size_t bytes = positive(nbytes, "nbytes");
            return wrap_lease(without_gil([&] { return self.acquire(bytes); }));
          },
          "nbytes"_a, "A lease of nbytes bytes, warm if possible; what is in them is undefined.")
      .def(
          "find",
          [](const Slots& self, std::uintptr_t address) -> std::optional<Place> {
            const auto place = self.find(address);
            if (!place) return std::nullopt;
            return Place(place->slot, place->file_offset, place->capacity, place->offset);
          },
          "address"_a, "(slot, file offset, capacity, offset in the slot) of an address, None if it is in no slot.")
      .def("send", &Slots::send, "slot"_a, "The receiver holds the slot too; False if it does already.")
      .def(
          "give_back", [](Slots& self, const Numbers& slots) { self.give_back(slots); }, "slots"_a,
          "The receiver is done with these slots.")
      .def("retired", &Slots::retired, "Slots of the file destroyed since the last call.")
      .def(
          "keep", [](Slots& self, long long slots) { self.keep(not_negative(slots, "slots")); }, "slots"_a,
          "Of private memory, so many free slots stay from now on, however large; at least two do.")
      .def(
          "trim", [](Slots& self) { without_gil([&] { self.trim(); }); }, "Give all free slots back to the system.")
      .def_property_readonly("slots", [](const Slots& self) { return self.counts().slots; })
      .def_property_readonly("bytes", [](const Slots& self) { return self.counts().bytes; })
      .def_property_readonly("free_bytes", [](const Slots& self) { return self.counts().free_bytes; })
      .def_property_readonly("leased", [](const Slots& self) { return self.counts().leased; });
}

void bind_remote_slots(py::module_& m) {
  py::class_<RemoteSlots>(m, "RemoteSlots", "The slots of another process, on the side that receives them.")
      .def(py::init([](std::shared_ptr<SharedFile> file, std::uint64_t lock_owner) {
             return std::make_unique<RemoteSlots>(std::move(file), lock_owner);
           }),
           py::arg("file").none(false), "lock_owner"_a = 0)
      .def(
          "lease",
          [](RemoteSlots& self, std::uint64_t slot, std::uint64_t file_offset, std::size_t capacity,
             std::size_t offset, std::size_t nbytes) {
            return wrap_lease(without_gil([&] { return self.lease(slot, file_offset, capacity, offset, nbytes); }));
          },
          "slot"_a, "file_offset"_a, "capacity"_a, "offset"_a, "nbytes"_a, "A lease of bytes inside a sent slot.")
      .def("returned", &RemoteSlots::returned, "Slots whose leases died since the last call.")
      .def(
          "forget", [](RemoteSlots& self, const Numbers& slots) { self.forget(slots); }, "slots"_a,
          "Unmap slots that the owner retired, each as soon as its leases are dead.")
      .def_property_readonly("leased", &RemoteSlots::leased);
}

}  // namespace

void bind_memory(py::module_& m) {
  py::register_local_exception_translator(translate);
  bind_lease(m);
  bind_shared_file(m);
  bind_slots(m);
  bind_remote_slots(m);
  m.def("copy_into", &copy_into, "lease"_a, "offset"_a, "source"_a,
        "Copy the bytes of a contiguous buffer or CPU tensor into a lease, from offset on.");
  m.def(
      "use_driver", [](const std::string& library) { return without_gil([&] { return use_driver(library.c_str()); }); },
      "library"_a, "Lock pages by this library's functions of CUDA's driver. What is wrong with it; '' if nothing is.");
  m.def(
      "lock_pages",
      [](std::uintptr_t address, int device, std::uint64_t owner) {
        return without_gil([&] { return lock_pages(address, device, owner); });
      },
      "address"_a, "device"_a, "owner"_a,
      "Lock the slot of this owner that holds the address in place, for all devices; one of them has to have a "
      "context. 0, the driver's error, or -1 for no slot of this owner.");
  m.def(
      "unlock_pages", [](std::uint64_t owner) { without_gil([&] { unlock_pages(owner); }); }, "owner"_a,
      "Unlock the slots that this owner has locked.");
  m.def("may_be_locked", &may_be_locked, "address"_a, "Whether the address is in a slot that somebody may lock.");
  m.def("exchange_capture_mode", &exchange_capture_mode, "mode"_a,
        "Set CUDA's mode of this thread for what may wait for a device while a stream is captured (2: it may), by the "
        "functions of use_driver. Returns the mode until now.");
  m.def("locked_bytes", &locked_bytes, "Bytes of this process's slots that are locked in place.");
  m.def("keep_freed_memory", &keep_freed_memory, "Let malloc keep large freed blocks for the next use.");
  m.def("die_with_parent", &die_with_parent, "Let the system kill this process when the thread that made it ends.");
}

}  // namespace fastload
