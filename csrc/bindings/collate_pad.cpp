// Columns whose samples differ in size: padded to the largest, and masks of what is real.
#include <algorithm>

#include <pybind11/stl.h>

#include "bindings/collate_call.h"
#include "bindings/tensor_args.h"

namespace fastload::collate {
namespace {

// Every sample's view, with dimensions that outlive the reading.
class Samples {
 public:
  // False if one of them cannot be read or has other dtype: left to Python.
  bool read(PyObject* column) {
    const Py_ssize_t n = length_of(column);
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = items_of(column)[i];
      TensorView view;
      ViewScratch scratch;
      const bool tensor = is_exact_tensor(item);
      if (!(tensor ? tensor_view(item, &view, &scratch) : array_view(item, &view, &scratch))) return false;
      if (tensor && (requires_grad(item) || has_lazy_bits(item))) return false;
      if (i == 0) {
        dims_.reserve(2 * static_cast<std::size_t>(n * view.ndim));  // no growth: views point into it
      } else if (view.dtype != views_[0].dtype || view.ndim != views_[0].ndim) {
        return false;
      }
      keep_dims(&view);
      views_.push_back(view);
    }
    return true;
  }

  [[nodiscard]] const std::vector<TensorView>& views() const { return views_; }

 private:
  void keep_dims(TensorView* view) {
    const std::size_t at = dims_.size();
    dims_.insert(dims_.end(), view->shape, view->shape + view->ndim);
    dims_.insert(dims_.end(), view->strides, view->strides + view->ndim);
    view->shape = dims_.data() + at;
    view->strides = view->shape + view->ndim;
  }

  std::vector<std::int64_t> dims_;
  std::vector<TensorView> views_;
};

std::int64_t round_up(std::int64_t size, std::int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }

// The largest size of each dimension, rounded up: by a single multiple where sizes differ, by a multiple of its own
// always (so that the result does not depend on the batch).
std::vector<std::int64_t> padded_shape(const std::vector<TensorView>& views, const PadOptions& options) {
  const int ndim = views[0].ndim;
  std::vector<std::int64_t> shape(views[0].shape, views[0].shape + ndim);
  const bool own_multiples = options.per_dimension && options.multiples.size() == static_cast<std::size_t>(ndim);
  for (int d = 0; d < ndim; ++d) {
    bool differs = false;
    for (const TensorView& view : views) {
      differs = differs || view.shape[d] != views[0].shape[d];
      shape[d] = std::max(shape[d], view.shape[d]);
    }
    if (own_multiples) {
      shape[d] = round_up(shape[d], options.multiples[d]);
    } else if (differs && !options.per_dimension) {
      shape[d] = round_up(shape[d], options.multiples[0]);
    }
  }
  return shape;
}

bool all_of_shape(const std::vector<TensorView>& views, const std::vector<std::int64_t>& shape) {
  return std::all_of(views.begin(), views.end(),
                     [&](const TensorView& view) { return std::equal(shape.begin(), shape.end(), view.shape); });
}

std::vector<std::int64_t> dense_steps(const std::vector<std::int64_t>& shape, std::int64_t itemsize) {
  std::vector<std::int64_t> steps(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    steps[d] = itemsize;
    itemsize *= shape[d];
  }
  return steps;
}

TensorView row_view(const std::vector<std::int64_t>& shape, DType dtype, std::int64_t itemsize) {
  return {nullptr, static_cast<int>(shape.size()), shape.data(), nullptr, dtype, itemsize};
}

// One box for every row of `out`: filled with `fill` where the sample is smaller, then the sample in its corner.
bool add_boxes(Call& call, const std::vector<TensorView>& views, const std::vector<std::int64_t>& shape, char* row,
               const std::string& fill) {
  const CopyPlan::Mark mark = call.plan.mark();
  const std::int64_t itemsize = views[0].itemsize;
  const std::vector<std::int64_t> steps = dense_steps(shape, itemsize);
  const std::int64_t row_bytes = row_view(shape, views[0].dtype, itemsize).nbytes();
  for (const TensorView& view : views) {
    BoxJob job;
    if (!make_box(view, row, steps.data(), &job)) {
      call.plan.rewind(mark);
      return false;
    }
    if (view.nbytes() != row_bytes) {
      job.fill_bytes = static_cast<std::size_t>(row_bytes);
      job.fill_itemsize = fill.size();
      std::copy_n(fill.begin(), std::min(fill.size(), job.fill_value.size()), job.fill_value.begin());
    }
    call.plan.add(job);
    row += row_bytes;
  }
  return true;
}

py::object stack_equal(Call& call, PyObject* column) {
  const bool tensors = is_exact_tensor(items_of(column)[0]);
  return tensors ? stack_tensors(call, column) : stack_arrays(call, column);
}

py::object in_python(Call& call, PyObject* column, const Path& path, bool mask) {
  const PadOptions& options = *call.pad;
  return explained(call, column, path, -1, [&] {
    return call.tools.pad(py::handle(column), options.value, options.multiples, options.per_dimension, mask,
                          call.in_worker, path.text());
  });
}

}  // namespace

py::object pad_column(Call& call, PyObject* column, const Path& path) {
  Samples samples;
  if (!samples.read(column)) return in_python(call, column, path, false);
  const std::vector<TensorView>& views = samples.views();
  const std::vector<std::int64_t> shape = padded_shape(views, *call.pad);
  if (all_of_shape(views, shape)) {
    if (py::object stacked = stack_equal(call, column)) return stacked;
    return in_python(call, column, path, false);
  }
  const py::object dtype = torch_dtype(views[0].dtype);
  const auto fill = explained(call, column, path, -1, [&] {
    return call.tools.fill_value(call.pad->value, dtype).cast<std::string>();
  });
  Output out = make_output(call, length_of(column), row_view(shape, views[0].dtype, views[0].itemsize), dtype);
  if (!add_boxes(call, views, shape, out.data, fill)) return in_python(call, column, path, false);
  call.keep.push_back(py::reinterpret_borrow<py::object>(column));
  call.keep.push_back(out.tensor);
  return std::move(out.tensor);
}

py::object mask_column(Call& call, PyObject* column, const Path& path) {
  Samples samples;
  if (!samples.read(column)) return in_python(call, column, path, true);
  const std::vector<TensorView>& views = samples.views();
  const std::vector<std::int64_t> shape = padded_shape(views, *call.pad);
  const DType boolean{Kind::kBool, 8, 1};
  Output out = make_output(call, length_of(column), row_view(shape, boolean, 1), call.tools.boolean);

  // Each sample as a box of ones: the innermost dimension reads a row of ones, the others read it again.
  std::int64_t longest = 1;
  for (const TensorView& view : views) {
    if (view.ndim > 0) longest = std::max(longest, view.shape[view.ndim - 1]);
  }
  const py::bytes ones(std::string(static_cast<std::size_t>(longest), '\1'));
  std::vector<std::int64_t> repeat(shape.size(), 0);
  if (!repeat.empty()) repeat.back() = 1;
  std::vector<TensorView> boxes = views;
  for (TensorView& box : boxes) {
    box.data = PyBytes_AS_STRING(ones.ptr());
    box.strides = repeat.data();
    box.dtype = boolean;
    box.itemsize = 1;
  }
  if (!add_boxes(call, boxes, shape, out.data, std::string(1, '\0'))) return in_python(call, column, path, true);
  call.keep.push_back(ones);
  call.keep.push_back(out.tensor);
  return std::move(out.tensor);
}

}  // namespace fastload::collate
