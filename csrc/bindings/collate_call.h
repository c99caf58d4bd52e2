// One call of collate: what it may use, where it is in the batch, and what it still has to copy.
//
// A batch is taken apart column by column: the column of a field is a list or tuple that holds this field of every
// sample. Leaves allocate their output at once and either copy at once (small samples) or record the copy in a plan,
// which runs without the GIL before anybody but collate itself can see the output.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor_view.h"
#include "kernels/collate.h"

namespace fastload::collate {
namespace py = pybind11;

// What torch's registry says of a type: one of torch's own functions, somebody else's, or nothing.
enum class Rule : int { kNone, kTensor, kArray, kScalar, kFloat, kInt, kString, kRegistered };

struct Found {
  Rule rule;
  py::object function;  // for kRegistered
};

// A type of NumPy scalars whose values can be read from the object.
struct ScalarType {
  PyTypeObject* type;
  PyObject* dtype;            // torch's
  std::size_t value_offset;   // bytes from the object's begin
  std::size_t itemsize;
  bool check_nan;             // torch goes through a double, which quiets signalling NaNs of smaller types
};

// Python's side of collate, looked up once: fastload/collate/_tools.py says what each is.
struct Tools {
  // tensor_function: fastload's own entry for torch.Tensor in the registry.
  Tools(const py::object& source, const py::object& tensor_function);

  [[nodiscard]] Rule rule_of(PyObject* function) const noexcept;
  [[nodiscard]] const ScalarType* scalar_type(PyTypeObject* type) const noexcept;

  py::object allocate, empty, stack, tensors, scalars, floats, ints, fill_value, pad, mask;
  py::object rebuild_mapping, rebuild_sequence, rebuild_dataclass, is_dataclass, field_names;
  py::object explain, missing_key, unequal_lengths, unknown_type;
  py::object mapping_type, sequence_type, float64, int64, boolean;
  std::size_t large_bytes;
  std::vector<std::pair<py::object, Rule>> own;           // functions of torch, or that do the same
  std::vector<std::pair<py::object, Rule>> default_keys;  // of the registry as torch ships it; empty if it was changed
  std::vector<ScalarType> scalar_types;
};

// The field that is being collated, as a chain of frames on the C++ stack: costs nothing until there is an error.
struct Path {
  enum class Step { kRoot, kKey, kIndex, kName };
  const Path* parent = nullptr;
  Step step = Step::kRoot;
  PyObject* key = nullptr;  // kKey, kName
  Py_ssize_t index = 0;     // kIndex

  [[nodiscard]] std::string text() const;  // such as ['target'][0].boxes; empty for the sample itself
};

struct PadOptions {
  py::object value;
  std::vector<std::int64_t> multiples;  // one, or one per dimension
  bool per_dimension;
};

struct Call {
  const Tools& tools;
  PyObject* registry;  // a dict, or None
  bool registry_is_default;
  bool in_worker;
  const PadOptions* pad = nullptr;  // null: default_collate
  bool masks = false;               // make pad_collate's masks instead of its batch
  CopyPlan plan = {};
  std::vector<py::object> keep = {};  // what the plan reads and writes

  void run_plan();
};

// --- collate_rules.cpp

Found find_rule(const Call& call, PyObject* elem);
bool registry_is_default(const Tools& tools, PyObject* registry);

// --- collate_leaves.cpp: the collated column, or a null object if it has to be left to torch

py::object stack_tensors(Call& call, PyObject* column);
py::object stack_arrays(Call& call, PyObject* column);
py::object stack_scalars(Call& call, PyObject* column);
py::object stack_floats(Call& call, PyObject* column);
py::object stack_ints(Call& call, PyObject* column);

struct Output {
  py::object tensor;
  char* data;
};
Output make_output(const Call& call, Py_ssize_t samples, const TensorView& sample, const py::object& dtype);

// Samples of fewer bytes are copied as they are read; so is a column that is small as a whole.
constexpr std::int64_t kDeferSampleBytes = 512;
constexpr std::int64_t kDeferColumnBytes = 64 << 10;

inline bool defer(Py_ssize_t samples, std::int64_t sample_bytes) {
  return sample_bytes >= kDeferSampleBytes && sample_bytes * samples >= kDeferColumnBytes;
}

// --- collate_pad.cpp

py::object pad_column(Call& call, PyObject* column, const Path& path);
py::object mask_column(Call& call, PyObject* column, const Path& path);

// --- shared

// The items of an exact list or tuple.
inline PyObject** items_of(PyObject* column) { return PySequence_Fast_ITEMS(column); }
inline Py_ssize_t length_of(PyObject* column) { return PySequence_Fast_GET_SIZE(column); }

[[noreturn]] inline void raise(const py::object& exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw py::error_already_set();
}

// body(), whose error is replaced by one that says where in the batch it happened.
template <typename Body>
auto explained(const Call& call, PyObject* column, const Path& path, Py_ssize_t position, Body body) {
  try {
    return body();
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_Exception)) throw;
    raise(call.tools.explain(error.value(), py::handle(column), path.text(), position));
  }
}

}  // namespace fastload::collate
