// Which function collates a type: torch's registry, asked as torch asks it.
#include "bindings/collate_call.h"
#include "bindings/tensor_args.h"

namespace fastload::collate {
namespace {

std::vector<std::pair<py::object, Rule>> rule_pairs(const py::object& source) {
  std::vector<std::pair<py::object, Rule>> pairs;
  for (const py::handle& item : source) {
    const auto pair = py::reinterpret_borrow<py::tuple>(item);
    pairs.emplace_back(pair[0], static_cast<Rule>(pair[1].cast<int>()));
  }
  return pairs;
}

// Where the value lies in a scalar: NumPy's buffer of a scalar points into the object itself.
std::size_t value_offset(const py::object& scalar) {
  Py_buffer view;
  if (PyObject_GetBuffer(scalar.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  const std::ptrdiff_t offset = static_cast<char*>(view.buf) - reinterpret_cast<char*>(scalar.ptr());
  PyBuffer_Release(&view);
  return offset > 0 && offset < 64 ? static_cast<std::size_t>(offset) : 0;
}

std::vector<ScalarType> scalar_types(const py::object& source) {
  std::vector<ScalarType> types;
  for (const py::handle& item : source) {
    const auto [one, dtype, itemsize, check_nan] = item.cast<std::tuple<py::object, py::object, std::size_t, bool>>();
    const std::size_t offset = value_offset(one);
    if (offset == 0) continue;
    Py_INCREF(Py_TYPE(one.ptr()));
    types.push_back({Py_TYPE(one.ptr()), py::object(dtype).release().ptr(), offset, itemsize, check_nan});
  }
  return types;
}

Found found(const Call& call, py::object function) {
  const Rule rule = call.tools.rule_of(function.ptr());
  return {rule, rule == Rule::kRegistered ? std::move(function) : py::object()};
}

// The registry as torch ships it has no surprises for these types.
bool find_common_rule(const Call& call, PyObject* elem, Rule* rule) {
  PyTypeObject* type = Py_TYPE(elem);
  if (type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type) {
    *rule = Rule::kNone;
  } else if (is_exact_tensor(elem)) {
    *rule = Rule::kTensor;
  } else if (is_exact_array(elem)) {
    *rule = Rule::kArray;
  } else if (type == &PyFloat_Type) {
    *rule = Rule::kFloat;
  } else if (type == &PyLong_Type || type == &PyBool_Type) {
    *rule = Rule::kInt;
  } else if (type == &PyUnicode_Type || type == &PyBytes_Type) {
    *rule = Rule::kString;
  } else if (call.tools.scalar_type(type) != nullptr) {
    *rule = Rule::kScalar;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Tools::Tools(const py::object& source, const py::object& tensor_function)
    : allocate(source.attr("allocate")),
      empty(source.attr("empty")),
      stack(source.attr("stack")),
      tensors(source.attr("tensors")),
      scalars(source.attr("scalars")),
      floats(source.attr("floats")),
      ints(source.attr("ints")),
      fill_value(source.attr("fill_value")),
      pad(source.attr("pad")),
      mask(source.attr("mask")),
      rebuild_mapping(source.attr("rebuild_mapping")),
      rebuild_sequence(source.attr("rebuild_sequence")),
      rebuild_dataclass(source.attr("rebuild_dataclass")),
      is_dataclass(source.attr("is_dataclass")),
      field_names(source.attr("field_names")),
      explain(source.attr("explain")),
      missing_key(source.attr("missing_key")),
      unequal_lengths(source.attr("unequal_lengths")),
      unknown_type(source.attr("unknown_type")),
      mapping_type(source.attr("Mapping")),
      sequence_type(source.attr("Sequence")),
      float64(torch_dtype({Kind::kFloat, 64, 1})),
      int64(torch_dtype({Kind::kInt, 64, 1})),
      boolean(torch_dtype({Kind::kBool, 8, 1})),
      large_bytes(source.attr("SLOT_BYTES").cast<std::size_t>()),
      own(rule_pairs(source.attr("OWN_FUNCTIONS"))),
      default_keys(rule_pairs(source.attr("DEFAULT_KEYS"))),
      scalar_types(collate::scalar_types(source.attr("SCALAR_TYPES"))) {
  own.emplace_back(tensor_function, Rule::kTensor);
}

Rule Tools::rule_of(PyObject* function) const noexcept {
  for (const auto& [known, rule] : own) {
    if (known.ptr() == function) return rule;
  }
  return Rule::kRegistered;
}

const ScalarType* Tools::scalar_type(PyTypeObject* type) const noexcept {
  for (const ScalarType& known : scalar_types) {
    if (known.type == type) return &known;
  }
  return nullptr;
}

bool registry_is_default(const Tools& tools, PyObject* registry) {
  if (tools.default_keys.empty() || !PyDict_CheckExact(registry)) return false;
  if (static_cast<std::size_t>(PyDict_GET_SIZE(registry)) != tools.default_keys.size()) return false;
  Py_ssize_t place = 0;
  PyObject *key = nullptr, *function = nullptr;
  for (const auto& [expected, rule] : tools.default_keys) {
    if (!PyDict_Next(registry, &place, &key, &function)) return false;
    if (key != expected.ptr() || tools.rule_of(function) != rule) return false;
  }
  return true;
}

Found find_rule(const Call& call, PyObject* elem) {
  Rule common{};
  if (call.registry_is_default && find_common_rule(call, elem, &common)) return {common, {}};
  if (call.registry == Py_None) return {Rule::kNone, {}};
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(elem));
  if (PyObject* function = PyDict_GetItemWithError(call.registry, type)) {
    return found(call, py::reinterpret_borrow<py::object>(function));
  }
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  // A copy: an instance check may run anybody's code.
  const auto entries = py::reinterpret_steal<py::list>(PyDict_Items(call.registry));
  for (const py::handle& entry : entries) {
    const int is_one = PyObject_IsInstance(elem, PyTuple_GET_ITEM(entry.ptr(), 0));
    if (is_one < 0) throw py::error_already_set();
    if (is_one) return found(call, py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(entry.ptr(), 1)));
  }
  return {Rule::kNone, {}};
}

}  // namespace fastload::collate
