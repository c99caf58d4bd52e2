// The recursion over containers, and the binding.
#include <algorithm>
#include <stdexcept>

#include "bindings/bindings.h"
#include "bindings/gil.h"
#include <pybind11/stl.h>

#include "bindings/collate_call.h"
#include "bindings/tensor_args.h"

namespace fastload {
namespace collate {
namespace {

py::object collate_column(Call& call, PyObject* column, PyObject* as_given, const Path& path);

py::object collate_field(Call& call, const py::object& column, const Path& path) {
  return collate_column(call, column.ptr(), column.ptr(), path);
}

// --- leaves -----------------------------------------------------------------------------------------------

py::object leave_to_torch(Call& call, const py::object& function, PyObject* column, PyObject* as_given,
                          const Path& path) {
  return explained(call, column, path, -1, [&] { return function(py::handle(as_given)); });
}

py::object collate_tensors(Call& call, PyObject* column, PyObject* as_given, const Path& path) {
  if (call.masks) return mask_column(call, column, path);
  if (call.pad != nullptr) return pad_column(call, column, path);
  if (py::object stacked = stack_tensors(call, column)) return stacked;
  return explained(call, column, path, -1,
                   [&] { return call.tools.stack(py::handle(as_given), call.in_worker); });
}

// torch makes tensors of the arrays and asks the registry again, so an entry for tensors sees arrays too.
py::object collate_arrays(Call& call, PyObject* column, PyObject* as_given, const Path& path) {
  const bool to_native = call.registry_is_default;
  if (to_native && call.masks) return mask_column(call, column, path);
  if (to_native && call.pad != nullptr) return pad_column(call, column, path);
  if (to_native) {
    if (py::object stacked = stack_arrays(call, column)) return stacked;
  }
  const py::object tensors = leave_to_torch(call, call.tools.tensors, column, as_given, path);
  return collate_field(call, tensors, path);
}

py::object collate_leaf(Call& call, Rule rule, PyObject* column, PyObject* as_given, const Path& path) {
  const Tools& tools = call.tools;
  if (rule == Rule::kTensor) return collate_tensors(call, column, as_given, path);
  if (rule == Rule::kArray) return collate_arrays(call, column, as_given, path);
  if (rule == Rule::kString) return call.masks ? py::none() : py::reinterpret_borrow<py::object>(as_given);
  py::object (*stack)(Call&, PyObject*) = rule == Rule::kScalar  ? stack_scalars
                                          : rule == Rule::kFloat ? stack_floats
                                                                 : stack_ints;
  py::object stacked = stack(call, column);
  if (!stacked) {
    const py::object& fallback = rule == Rule::kScalar ? tools.scalars : rule == Rule::kFloat ? tools.floats : tools.ints;
    stacked = leave_to_torch(call, fallback, column, as_given, path);
  }
  return call.masks ? tools.mask(stacked) : stacked;
}

py::object call_registered(Call& call, const py::object& function, PyObject* as_given) {
  if (call.masks) return py::none();
  return function(py::handle(as_given), py::arg("collate_fn_map") = py::handle(call.registry));
}

// --- containers -------------------------------------------------------------------------------------------

// sample[key] of every sample.
py::list column_of_key(const Call& call, PyObject* column, PyObject* key, const Path& path) {
  const Py_ssize_t samples = length_of(column);
  py::list values(samples);
  for (Py_ssize_t i = 0; i < samples; ++i) {
    PyObject* sample = items_of(column)[i];
    PyObject* value = nullptr;
    if (PyDict_CheckExact(sample)) {
      value = Py_XNewRef(PyDict_GetItemWithError(sample, key));
    } else {
      value = PyObject_GetItem(sample, key);
    }
    if (value == nullptr) {
      if (PyErr_Occurred() == nullptr || PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        raise(call.tools.missing_key(py::handle(key), py::handle(column), path.text(), i));
      }
      explained(call, column, path, i, []() -> py::object { throw py::error_already_set(); });
    }
    PyList_SET_ITEM(values.ptr(), i, value);
  }
  return values;
}

py::object collate_mapping(Call& call, PyObject* column, PyObject* elem, const Path& path) {
  const bool plain = PyDict_CheckExact(elem);
  const auto keys = py::reinterpret_steal<py::list>(plain ? PyDict_Keys(elem) : PySequence_List(elem));
  if (!keys) throw py::error_already_set();
  py::dict fields;
  for (const py::handle& key : keys) {
    const Path step{&path, Path::Step::kKey, key.ptr()};
    const py::list values = column_of_key(call, column, key.ptr(), path);
    const py::object field = collate_field(call, values, step);
    if (PyDict_SetItem(fields.ptr(), key.ptr(), field.ptr()) != 0) throw py::error_already_set();
  }
  if (plain) return fields;
  call.run_plan();
  return call.tools.rebuild_mapping(py::handle(elem), fields);
}

bool is_plain_sequence(PyObject* sample) { return PyList_CheckExact(sample) || PyTuple_CheckExact(sample); }

// Every sample as a list or tuple, as iterating over it gives it.
py::list rows_of(const Call& call, PyObject* column, const Path& path) {
  py::list rows(length_of(column));
  for (Py_ssize_t i = 0; i < length_of(column); ++i) {
    PyObject* sample = items_of(column)[i];
    PyObject* row = is_plain_sequence(sample) ? Py_NewRef(sample) : PySequence_List(sample);
    if (row == nullptr) {
      explained(call, column, path, i, []() -> py::object { throw py::error_already_set(); });
    }
    PyList_SET_ITEM(rows.ptr(), i, row);
  }
  return rows;
}

Py_ssize_t shortest(const py::list& rows) {
  Py_ssize_t length = PY_SSIZE_T_MAX;
  for (const py::handle& row : rows) length = std::min(length, length_of(row.ptr()));
  return length;
}

py::tuple column_of_index(const py::list& rows, Py_ssize_t index) {
  py::tuple values(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    PyObject* row = PyList_GET_ITEM(rows.ptr(), static_cast<Py_ssize_t>(i));
    if (index >= length_of(row)) throw std::runtime_error("a sample changed its size while it was collated");
    PyTuple_SET_ITEM(values.ptr(), static_cast<Py_ssize_t>(i), Py_NewRef(items_of(row)[index]));
  }
  return values;
}

void require_equal_lengths(const Call& call, PyObject* column, const Path& path) {
  const Py_ssize_t length = PyObject_Size(items_of(column)[0]);
  if (length < 0) throw py::error_already_set();
  for (Py_ssize_t i = 1; i < length_of(column); ++i) {
    const Py_ssize_t other = PyObject_Size(items_of(column)[i]);
    if (other < 0) explained(call, column, path, i, []() -> py::object { throw py::error_already_set(); });
    if (other != length) raise(call.tools.unequal_lengths(py::handle(column), path.text(), i));
  }
}

py::list collate_rows(Call& call, const py::list& rows, const Path& path, const py::object& names) {
  const Py_ssize_t length = shortest(rows);
  py::list fields(length);
  for (Py_ssize_t k = 0; k < length; ++k) {
    Path step{&path, Path::Step::kIndex, nullptr, k};
    py::object name;
    if (names && k < static_cast<Py_ssize_t>(py::len(names))) {
      name = names[py::int_(k)];
      step = {&path, Path::Step::kName, name.ptr()};
    }
    PyList_SET_ITEM(fields.ptr(), k, collate_field(call, column_of_index(rows, k), step).release().ptr());
  }
  return fields;
}

py::object collate_named_tuple(Call& call, PyObject* column, PyObject* elem, const Path& path) {
  const auto names = py::reinterpret_borrow<py::object>(elem).attr("_fields");
  const py::list fields = collate_rows(call, rows_of(call, column, path), path, names);
  call.run_plan();
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(elem));
  py::object result = py::reinterpret_steal<py::object>(PyObject_CallObject(type, py::tuple(fields).ptr()));
  if (!result) throw py::error_already_set();
  return result;
}

py::object collate_sequence(Call& call, PyObject* column, PyObject* elem, const Path& path) {
  require_equal_lengths(call, column, path);
  const py::list fields = collate_rows(call, rows_of(call, column, path), path, py::object());
  if (PyTuple_Check(elem)) return fields;  // a tuple becomes a list, as ever in torch
  if (PyList_CheckExact(elem) && length_of(elem) == length_of(fields.ptr())) return fields;
  call.run_plan();
  return call.tools.rebuild_sequence(py::handle(elem), fields);
}

py::object collate_dataclass(Call& call, PyObject* column, PyObject* elem, const Path& path) {
  py::dict fields;
  for (const py::handle& name : call.tools.field_names(py::handle(elem))) {
    const Path step{&path, Path::Step::kName, name.ptr()};
    py::list values(length_of(column));
    for (Py_ssize_t i = 0; i < length_of(column); ++i) {
      PyObject* value = PyObject_GetAttr(items_of(column)[i], name.ptr());
      if (value == nullptr) explained(call, column, path, i, []() -> py::object { throw py::error_already_set(); });
      PyList_SET_ITEM(values.ptr(), i, value);
    }
    fields[name] = collate_field(call, values, step);
  }
  call.run_plan();
  return call.tools.rebuild_dataclass(py::handle(elem), fields);
}

bool is_instance(PyObject* object, const py::object& type) {
  const int answer = PyObject_IsInstance(object, type.ptr());
  if (answer < 0) throw py::error_already_set();
  return answer == 1;
}

class Deeper {  // a batch that contains itself ends as torch's does, in RecursionError
 public:
  Deeper() {
    if (Py_EnterRecursiveCall(" while collating") != 0) throw py::error_already_set();
  }
  ~Deeper() { Py_LeaveRecursiveCall(); }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
};

// column: an exact list or tuple that nobody changes. as_given: what torch would pass on in its place.
py::object collate_column(Call& call, PyObject* column, PyObject* as_given, const Path& path) {
  const Deeper deeper;
  if (length_of(column) == 0) throw py::index_error("list index out of range");
  PyObject* elem = items_of(column)[0];
  const Found found = find_rule(call, elem);
  if (found.rule == Rule::kRegistered) return call_registered(call, found.function, as_given);
  if (found.rule != Rule::kNone) return collate_leaf(call, found.rule, column, as_given, path);
  if (PyDict_CheckExact(elem)) return collate_mapping(call, column, elem, path);
  if (is_plain_sequence(elem)) return collate_sequence(call, column, elem, path);
  if (is_instance(elem, call.tools.mapping_type)) return collate_mapping(call, column, elem, path);
  if (PyTuple_Check(elem) && PyObject_HasAttrString(elem, "_fields")) {
    return collate_named_tuple(call, column, elem, path);
  }
  if (is_instance(elem, call.tools.sequence_type)) return collate_sequence(call, column, elem, path);
  if (call.tools.is_dataclass(py::handle(elem)).cast<bool>()) return collate_dataclass(call, column, elem, path);
  raise(call.tools.unknown_type(py::handle(column), path.text()));
}

// --- the binding ------------------------------------------------------------------------------------------

// The caller's list may change while others hold the GIL; its copy does not.
py::object frozen(const py::object& batch) {
  if (PyTuple_CheckExact(batch.ptr())) return batch;
  if (!PyList_CheckExact(batch.ptr())) throw py::type_error("batch must be a list or a tuple");
  return py::reinterpret_steal<py::object>(PyList_AsTuple(batch.ptr()));
}

class Collator {
 public:
  Collator(const py::object& tools, const py::object& tensor_function) : tools_(tools, tensor_function) {}

  py::object collate(const py::object& batch, const py::object& registry, bool in_worker) const {
    Call call{tools_, registry.ptr(), registry_is_default(tools_, registry.ptr()), in_worker};
    return run(call, batch);
  }

  py::object pad(const py::object& batch, const py::object& registry, bool in_worker, const py::object& value,
                 std::vector<std::int64_t> multiples, bool per_dimension, bool masks) const {
    const PadOptions options{value, std::move(multiples), per_dimension};
    Call call{tools_, registry.ptr(), registry_is_default(tools_, registry.ptr()), in_worker, &options, masks};
    return run(call, batch);
  }

  py::object stack(const py::object& batch, bool in_worker) const {
    Call call{tools_, Py_None, false, in_worker};
    const py::object column = frozen(batch);
    if (length_of(column.ptr()) == 0) throw py::index_error("list index out of range");
    py::object result = collate_tensors(call, column.ptr(), batch.ptr(), Path{});
    call.run_plan();
    return result;
  }

 private:
  static py::object run(Call& call, const py::object& batch) {
    const py::object column = frozen(batch);
    py::object result = collate_column(call, column.ptr(), batch.ptr(), Path{});
    call.run_plan();
    return result;
  }

  Tools tools_;
};

}  // namespace

std::string Path::text() const {
  if (parent == nullptr) return {};
  const std::string before = parent->text();
  if (step == Step::kIndex) return before + "[" + std::to_string(index) + "]";
  const py::handle name(key);
  if (step == Step::kName) return before + "." + py::str(name).cast<std::string>();
  return before + "[" + py::repr(name).cast<std::string>() + "]";
}

void Call::run_plan() {
  if (plan.empty()) return;
  if (plan.nbytes() < static_cast<std::size_t>(kDeferColumnBytes)) {
    plan.run();
  } else {
    without_gil([this] { plan.run(); });
  }
  keep.clear();
}

}  // namespace collate

void bind_collate(pybind11::module_& m) {
  namespace py = pybind11;
  using collate::Collator;
  py::class_<Collator>(m, "Collator", "Collates batches; ``tools`` is the module that knows torch for it.")
      .def(py::init<const py::object&, const py::object&>(), py::arg("tools"), py::arg("tensor_function"))
      .def("collate", &Collator::collate, py::arg("batch"), py::arg("collate_fn_map"), py::arg("in_worker"))
      .def("stack", &Collator::stack, py::arg("batch"), py::arg("in_worker"))
      .def("pad", &Collator::pad, py::arg("batch"), py::arg("collate_fn_map"), py::arg("in_worker"), py::arg("value"),
           py::arg("multiples"), py::arg("per_dimension"), py::arg("masks"));
  m.def("use_exchange_table", &use_exchange_table, py::arg("wanted"),
        "For tests: read tensors as on torch before 2.10. Returns whether the fast way is in use.");
}

}  // namespace fastload
