#include "bindings/tensor_args.h"

#include <pybind11/numpy.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fastload {
namespace py = pybind11;
namespace {

// --- DLPack, as far as it is used here: declarations of the published ABI, version 1 --------------------

struct DlDevice {
  std::int32_t type;
  std::int32_t id;
};

struct DlTensor {
  void* data;
  DlDevice device;
  std::int32_t ndim;
  DType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements
  std::uint64_t byte_offset;
};

struct DlExchangeTable {
  std::uint32_t major, minor;
  void* previous;
  void* allocate;
  void* to_managed;
  void* from_managed;
  int (*view)(void* object, DlTensor* out);  // borrows; -1 and a Python error if it cannot
  void* current_stream;
};

constexpr std::int32_t kDlCpu = 1;

// --- what is looked up once --------------------------------------------------------------------------------

struct Known {
  PyTypeObject* tensor_type;
  PyTypeObject* array_type;
  PyTypeObject* memmap_type;
  const PyGetSetDef* requires_grad;  // null: ask by attribute
  const PyGetSetDef* dtype;          // the same
  const DlExchangeTable* table;      // null: torch has none
  std::vector<std::pair<DType, PyObject*>> dtypes;
  PyObject* strided;  // torch.strided
};

const DlExchangeTable* find_exchange_table(const py::object& tensor) {
  if (!py::hasattr(tensor, "__dlpack_c_exchange_api__")) return nullptr;
  const py::object capsule = tensor.attr("__dlpack_c_exchange_api__");
  if (!PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api")) return nullptr;
  const auto* table =
      static_cast<const DlExchangeTable*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
  return table->major == 1 && table->view != nullptr ? table : nullptr;
}

const PyGetSetDef* find_getter(const py::object& tensor, const char* name) {
  const py::object descriptor = tensor.attr(name);
  if (!Py_IS_TYPE(descriptor.ptr(), &PyGetSetDescr_Type)) return nullptr;
  return reinterpret_cast<PyGetSetDescrObject*>(py::object(descriptor).release().ptr())->d_getset;
}

std::vector<std::pair<DType, PyObject*>> find_dtypes(const py::module_& torch) {
  using enum Kind;
  const std::pair<const char*, DType> names[] = {
      {"uint8", {kUint, 8, 1}},      {"int8", {kInt, 8, 1}},        {"int16", {kInt, 16, 1}},
      {"int32", {kInt, 32, 1}},      {"int64", {kInt, 64, 1}},      {"float16", {kFloat, 16, 1}},
      {"float32", {kFloat, 32, 1}},  {"float64", {kFloat, 64, 1}},  {"bool", {kBool, 8, 1}},
      {"bfloat16", {kBfloat, 16, 1}}, {"complex64", {kComplex, 64, 1}}, {"complex128", {kComplex, 128, 1}},
      {"uint16", {kUint, 16, 1}},    {"uint32", {kUint, 32, 1}},    {"uint64", {kUint, 64, 1}},
  };
  std::vector<std::pair<DType, PyObject*>> found;
  for (const auto& [name, dtype] : names) found.emplace_back(dtype, py::object(torch.attr(name)).release().ptr());
  return found;
}

Known look_up() {
  const auto torch = py::module_::import("torch");
  const auto numpy = py::module_::import("numpy");
  const py::object tensor = torch.attr("Tensor");
  const auto type = [](py::object object) { return reinterpret_cast<PyTypeObject*>(object.release().ptr()); };
  Known known{};
  known.tensor_type = type(tensor);
  known.array_type = type(numpy.attr("ndarray"));
  known.memmap_type = type(numpy.attr("memmap"));
  known.requires_grad = find_getter(tensor, "requires_grad");
  known.dtype = find_getter(tensor, "dtype");
  known.table = find_exchange_table(tensor);
  known.dtypes = find_dtypes(torch);
  known.strided = py::object(torch.attr("strided")).release().ptr();
  return known;
}

// Never destroyed: it holds Python objects, and the interpreter may be gone by then. Written under the GIL.
const Known* looked_up = nullptr;

const Known& look_up_once() {
  auto found = std::make_unique<const Known>(look_up());  // imports may let another thread in, that was faster
  if (looked_up == nullptr) looked_up = found.release();
  return *looked_up;
}

inline const Known& known() { return looked_up != nullptr ? *looked_up : look_up_once(); }

bool table_wanted = true;

bool supported(DType dtype) noexcept {
  switch (dtype.kind) {
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kFloat:
    case Kind::kBfloat:
    case Kind::kComplex:
    case Kind::kBool:
      return dtype.lanes == 1 && dtype.bits >= 8;
  }
  return false;
}

// An attribute of an exact torch.Tensor that lives on without this reference.
PyObject* read(const PyGetSetDef* getter, PyObject* object, const char* name) {
  PyObject* value = getter != nullptr ? getter->get(object, getter->closure) : PyObject_GetAttrString(object, name);
  if (value == nullptr) throw py::error_already_set();
  Py_DECREF(value);
  return value;
}

// The table shows torch.int1 to torch.int7, which take a byte each, as int8, and uint1 to uint7 as uint8.
bool is_as_shown(PyObject* object, DType dtype) {
  if (dtype.bits != 8 || (dtype.kind != Kind::kInt && dtype.kind != Kind::kUint)) return true;
  return read(known().dtype, object, "dtype") == torch_dtype(dtype).ptr();
}

bool view_by_table(PyObject* object, TensorView* view) {
  DlTensor raw;
  if (known().table->view(object, &raw) != 0) {  // sparse, quantised, meta, ...
    PyErr_Clear();
    return false;
  }
  if (raw.device.type != kDlCpu || !supported(raw.dtype) || !is_as_shown(object, raw.dtype)) return false;
  *view = {static_cast<char*>(raw.data) + raw.byte_offset, raw.ndim, raw.shape, raw.strides, raw.dtype,
           raw.dtype.bits / 8};
  return raw.data != nullptr || view->numel() == 0;  // a zero tensor has a size and no memory
}

bool read_dims(const py::object& source, std::int64_t* into, int* count) {
  const auto dims = py::reinterpret_borrow<py::tuple>(source);
  if (dims.size() > kMaxDims) return false;
  *count = static_cast<int>(dims.size());
  for (int d = 0; d < *count; ++d) into[d] = dims[d].cast<std::int64_t>();
  return true;
}

bool view_by_attributes(PyObject* object, TensorView* view, ViewScratch* scratch) {
  try {
    const auto tensor = py::reinterpret_borrow<py::object>(object);
    if (tensor.attr("layout").ptr() != known().strided || !tensor.attr("is_cpu").cast<bool>()) return false;
    if (tensor.attr("is_nested").cast<bool>()) return false;
    const py::object dtype = tensor.attr("dtype");
    for (const auto& [candidate, torch_object] : known().dtypes) {
      if (torch_object != dtype.ptr()) continue;
      int ndim = 0;
      if (!read_dims(tensor.attr("shape"), scratch->shape, &ndim)) return false;
      if (!read_dims(tensor.attr("stride")(), scratch->strides, &ndim)) return false;
      auto* data = reinterpret_cast<void*>(tensor.attr("data_ptr")().cast<std::uintptr_t>());
      *view = {data, ndim, scratch->shape, scratch->strides, candidate, candidate.bits / 8};
      return data != nullptr || view->numel() == 0;
    }
    return false;
  } catch (py::error_already_set&) {
    return false;
  }
}

// NumPy's dtype.kind and size as a DType; bits == 0 if torch has no such type.
DType array_dtype(char kind, ssize_t itemsize) noexcept {
  const auto bits = static_cast<std::uint8_t>(itemsize <= 16 ? itemsize * 8 : 0);
  switch (kind) {
    case 'i': return {Kind::kInt, bits, 1};
    case 'u': return {Kind::kUint, bits, 1};
    case 'b': return {Kind::kBool, bits, 1};
    case 'f': return {Kind::kFloat, static_cast<std::uint8_t>(itemsize <= 8 ? bits : 0), 1};
    case 'c': return {Kind::kComplex, bits, 1};
    default: return {Kind::kInt, 0, 1};
  }
}

ssize_t array_itemsize(const PyObject* descr) {
  return py::detail::npy_api::get().PyArray_RUNTIME_VERSION_ < 0x12
             ? py::detail::array_descriptor1_proxy(descr)->elsize
             : py::detail::array_descriptor2_proxy(descr)->elsize;
}

constexpr char kNativeOrder = '=';
constexpr char kNoOrder = '|';
constexpr int kUlonglong = 10;  // NumPy's type number; torch refuses this twin of uint64

}  // namespace

bool tensor_view(PyObject* object, TensorView* view, ViewScratch* scratch) {
  if (Py_TYPE(object) != known().tensor_type) return false;
  if (table_wanted && known().table != nullptr) return view_by_table(object, view);
  return view_by_attributes(object, view, scratch);
}

bool array_view(PyObject* object, TensorView* view, ViewScratch* scratch) {
  if (!is_exact_array(object)) return false;
  const auto* array = py::detail::array_proxy(object);
  const auto* descr = py::detail::array_descriptor_proxy(array->descr);
  if (descr->byteorder != kNativeOrder && descr->byteorder != kNoOrder) return false;
  const ssize_t itemsize = array_itemsize(array->descr);
  const DType dtype = array_dtype(descr->kind, itemsize);
  if (dtype.bits == 0 || descr->type_num == kUlonglong || array->nd > kMaxDims) return false;
  for (int d = 0; d < array->nd; ++d) {
    if (array->strides[d] < 0 || array->strides[d] % itemsize != 0) return false;
    scratch->shape[d] = array->dimensions[d];
    scratch->strides[d] = array->strides[d] / itemsize;
  }
  *view = {array->data, array->nd, scratch->shape, scratch->strides, dtype, itemsize};
  return true;
}

bool requires_grad(PyObject* object) {
  return read(known().requires_grad, object, "requires_grad") == Py_True;
}

bool has_lazy_bits(PyObject* object) {
  const auto tensor = py::reinterpret_borrow<py::object>(object);
  return tensor.attr("is_neg")().ptr() == Py_True || tensor.attr("is_conj")().ptr() == Py_True;
}

bool is_exact_tensor(PyObject* object) { return Py_TYPE(object) == known().tensor_type; }

bool is_exact_array(PyObject* object) {
  return Py_TYPE(object) == known().array_type || Py_TYPE(object) == known().memmap_type;
}

py::object torch_dtype(DType dtype) {
  for (const auto& [candidate, object] : known().dtypes) {
    if (candidate == dtype) return py::reinterpret_borrow<py::object>(object);
  }
  throw py::type_error("torch has no type of kind " + std::to_string(static_cast<int>(dtype.kind)) + " and " +
                       std::to_string(dtype.bits) + " bits");
}

bool use_exchange_table(bool wanted) {
  table_wanted = wanted;
  return table_wanted && known().table != nullptr;
}

}  // namespace fastload
