// Columns of tensors, arrays and numbers, each to one tensor.
#include <cstring>

#include "bindings/collate_call.h"
#include "bindings/tensor_args.h"
#include "kernels/copy.h"

namespace fastload::collate {
namespace {

using Reader = bool (*)(PyObject*, TensorView*, ViewScratch*);

bool is_floating(DType dtype) { return dtype.kind == Kind::kFloat || dtype.kind == Kind::kBfloat; }

// Of a sample without default strides: torch.stack without out= gives some of 3 and more dimensions the strides of
// channels_last. Outside of those every result is row-major; in a worker, where torch gives out=, every result is.
bool result_is_row_major(const TensorView& sample, bool in_worker) {
  if (in_worker || sample.ndim <= 2) return true;
  return sample.ndim == 3 && sample.shape[1] > 1 && sample.shape[2] > 1;
}

// A transposition with small runs: torch's kernel is at least as good once it has warm memory.
constexpr std::size_t kWorthwhileRunBytes = 64;

class Stacker {
 public:
  Stacker(Call& call, PyObject* column, Reader read, bool tensors)
      : call_(call), column_(column), read_(read), tensors_(tensors), mark_(call.plan.mark()) {}

  py::object run() {
    PyObject** items = items_of(column_);
    const Py_ssize_t samples = length_of(column_);
    if (!read_(items[0], &first_, &first_scratch_) || first_.dtype.kind == Kind::kComplex) return {};
    if (tensors_ && has_lazy_bits(items[0])) return {};
    const py::object dtype = torch_dtype(first_.dtype);
    sample_bytes_ = first_.nbytes();
    deferred_ = defer(samples, sample_bytes_);
    Output out = make_output(call_, samples, first_, dtype);
    char* row = out.data;
    for (Py_ssize_t i = 0; i < samples; ++i, row += sample_bytes_) {
      if (!add(items[i], row)) {
        call_.plan.rewind(mark_);
        return {};
      }
    }
    if (deferred_) {
      call_.keep.push_back(py::reinterpret_borrow<py::object>(column_));
      call_.keep.push_back(out.tensor);
    }
    return std::move(out.tensor);
  }

 private:
  bool add(PyObject* item, char* row) {
    TensorView view;
    ViewScratch scratch;
    if (!read_(item, &view, &scratch)) return false;
    if (view.dtype != first_.dtype || !view.same_shape(first_)) return false;
    if (tensors_ && is_floating(view.dtype) && requires_grad(item)) return false;
    if (!view.has_default_strides()) {
      if (!result_is_row_major(view, call_.in_worker)) return false;
      if (!view.is_contiguous()) return add_box(item, view, row);
    }
    if (deferred_) {
      call_.plan.add(row, view.data, static_cast<std::size_t>(sample_bytes_));
    } else {
      copy_bytes(row, view.data, static_cast<std::size_t>(sample_bytes_));
    }
    return true;
  }

  // Lazy bits are asked of the first sample, and of every one whose memory is not dense: a lazy negation that
  // was made by public functions is a view of every second number, and so not dense unless it is one number.
  bool add_box(PyObject* item, const TensorView& view, char* row) {
    if (tensors_ && has_lazy_bits(item)) return false;
    std::int64_t row_step[kMaxDims];
    std::int64_t step = view.itemsize;
    for (int d = view.ndim - 1; d >= 0; --d) {
      row_step[d] = step;
      step *= view.shape[d];
    }
    BoxJob job;
    if (!make_box(view, row, row_step, &job)) return false;
    if (!deferred_) {
      run_box(job);
      return true;
    }
    if (job.run_bytes < kWorthwhileRunBytes) return false;
    call_.plan.add(job);
    return true;
  }

  Call& call_;
  PyObject* column_;
  Reader read_;
  bool tensors_;
  CopyPlan::Mark mark_;
  TensorView first_{};
  ViewScratch first_scratch_;
  std::int64_t sample_bytes_ = 0;
  bool deferred_ = false;
};

Output make_flat_output(const Call& call, Py_ssize_t samples, const py::object& dtype, std::size_t itemsize) {
  TensorView scalar{};
  scalar.itemsize = static_cast<std::int64_t>(itemsize);
  return make_output(call, samples, scalar, dtype);
}

bool is_nan(const char* value, std::size_t itemsize) {
  if (itemsize == 2) {
    std::uint16_t bits;
    std::memcpy(&bits, value, sizeof bits);
    return (bits & 0x7fff) > 0x7c00;
  }
  std::uint32_t bits;
  std::memcpy(&bits, value, sizeof bits);
  return (bits & 0x7fffffff) > 0x7f800000;
}

template <std::size_t kBytes>
bool read_scalars(PyObject* column, const ScalarType& type, char* to) {
  PyObject** items = items_of(column);
  for (Py_ssize_t i = 0; i < length_of(column); ++i, to += kBytes) {
    if (Py_TYPE(items[i]) != type.type) return false;
    std::memcpy(to, reinterpret_cast<char*>(items[i]) + type.value_offset, kBytes);
    if (type.check_nan && is_nan(to, kBytes)) return false;
  }
  return true;
}

py::object stack_bools(Call& call, PyObject* column) {
  PyObject** items = items_of(column);
  Output out = make_flat_output(call, length_of(column), call.tools.boolean, 1);
  for (Py_ssize_t i = 0; i < length_of(column); ++i) {
    if (!PyBool_Check(items[i])) return {};
    out.data[i] = items[i] == Py_True;
  }
  return std::move(out.tensor);
}

}  // namespace

Output make_output(const Call& call, Py_ssize_t samples, const TensorView& sample, const py::object& dtype) {
  py::tuple shape(sample.ndim + 1);
  shape[0] = py::int_(samples);
  for (int d = 0; d < sample.ndim; ++d) shape[d + 1] = py::int_(sample.shape[d]);
  const auto nbytes = static_cast<std::size_t>(sample.nbytes()) * static_cast<std::size_t>(samples);
  Output out;
  // For small outputs allocate() is torch.empty and a Python call around it.
  if (nbytes < call.tools.large_bytes) {
    static PyObject* const names = py::make_tuple("dtype").release().ptr();
    PyObject* args[] = {shape.ptr(), dtype.ptr()};
    out.tensor = py::reinterpret_steal<py::object>(PyObject_Vectorcall(call.tools.empty.ptr(), args, 1, names));
    if (!out.tensor) throw py::error_already_set();
  } else {
    out.tensor = call.tools.allocate(shape, dtype);
  }
  TensorView view;
  ViewScratch scratch;
  if (!tensor_view(out.tensor.ptr(), &view, &scratch)) throw py::type_error("allocate() gave no plain tensor");
  out.data = static_cast<char*>(view.data);
  return out;
}

py::object stack_tensors(Call& call, PyObject* column) { return Stacker(call, column, tensor_view, true).run(); }

py::object stack_arrays(Call& call, PyObject* column) { return Stacker(call, column, array_view, false).run(); }

py::object stack_scalars(Call& call, PyObject* column) {
  const ScalarType* type = call.tools.scalar_type(Py_TYPE(items_of(column)[0]));
  if (type == nullptr) return {};
  const auto dtype = py::reinterpret_borrow<py::object>(type->dtype);
  Output out = make_flat_output(call, length_of(column), dtype, type->itemsize);
  bool whole = false;
  switch (type->itemsize) {
    case 1: whole = read_scalars<1>(column, *type, out.data); break;
    case 2: whole = read_scalars<2>(column, *type, out.data); break;
    case 4: whole = read_scalars<4>(column, *type, out.data); break;
    case 8: whole = read_scalars<8>(column, *type, out.data); break;
    default: break;
  }
  return whole ? std::move(out.tensor) : py::object();
}

py::object stack_floats(Call& call, PyObject* column) {
  PyObject** items = items_of(column);
  Output out = make_flat_output(call, length_of(column), call.tools.float64, sizeof(double));
  auto* to = reinterpret_cast<double*>(out.data);
  for (Py_ssize_t i = 0; i < length_of(column); ++i) {
    if (!PyFloat_CheckExact(items[i])) return {};
    to[i] = PyFloat_AS_DOUBLE(items[i]);
  }
  return std::move(out.tensor);
}

py::object stack_ints(Call& call, PyObject* column) {
  PyObject** items = items_of(column);
  if (PyBool_Check(items[0])) return stack_bools(call, column);
  Output out = make_flat_output(call, length_of(column), call.tools.int64, sizeof(std::int64_t));
  auto* to = reinterpret_cast<std::int64_t*>(out.data);
  for (Py_ssize_t i = 0; i < length_of(column); ++i) {
    if (!PyLong_CheckExact(items[i])) return {};
    int overflow = 0;
    to[i] = PyLong_AsLongLongAndOverflow(items[i], &overflow);
    if (overflow != 0) return {};
  }
  return std::move(out.tensor);
}

}  // namespace fastload::collate
