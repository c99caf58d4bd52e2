#include "bindings/gather_args.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bindings/tensor_args.h"
#include "core/tensor_view.h"

namespace fastload {
namespace {

namespace py = pybind11;

// A table of dense rows, read from a torch.Tensor or a numpy.ndarray.
struct Table {
  std::byte* data = nullptr;
  bool writeable = true;
  std::int64_t itemsize = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // bytes

  std::int64_t rows() const { return shape[0]; }
  std::size_t row_bytes() const {
    std::int64_t bytes = itemsize;
    for (std::size_t d = 1; d < shape.size(); ++d) bytes *= shape[d];
    return static_cast<std::size_t>(bytes);
  }
  bool dense_rows() const {
    // The strides of an empty array may be anything.
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return true;
    std::int64_t expected = itemsize;
    for (std::size_t d = shape.size(); d-- > 1;) {
      if (shape[d] != 1 && strides[d] != expected) return false;
      expected *= shape[d];
    }
    return true;
  }
};

Table table_of_array(const py::array& array) {
  Table table;
  table.data = static_cast<std::byte*>(const_cast<void*>(array.data()));
  table.writeable = array.writeable();
  table.itemsize = array.itemsize();
  table.shape.assign(array.shape(), array.shape() + array.ndim());
  table.strides.assign(array.strides(), array.strides() + array.ndim());
  return table;
}

Table table_of_view(const TensorView& view) {
  Table table;
  table.data = static_cast<std::byte*>(view.data);
  table.itemsize = view.itemsize;
  table.shape.assign(view.shape, view.shape + view.ndim);
  for (int d = 0; d < view.ndim; ++d) table.strides.push_back(view.strides[d] * view.itemsize);
  return table;
}

// For what tensor_view does not read, such as float8: ten times slower.
Table table_by_attributes(py::handle tensor, const char* name) {
  if (!tensor.attr("is_cpu").cast<bool>()) throw py::value_error(std::string(name) + " must be a CPU tensor");
  Table table;
  table.data = reinterpret_cast<std::byte*>(tensor.attr("data_ptr")().cast<std::uintptr_t>());
  table.itemsize = tensor.attr("element_size")().cast<std::int64_t>();
  for (py::handle size : tensor.attr("shape")) table.shape.push_back(size.cast<std::int64_t>());
  for (py::handle stride : tensor.attr("stride")()) {
    table.strides.push_back(stride.cast<std::int64_t>() * table.itemsize);
  }
  return table;
}

Table any_table(py::handle object, const char* name) {
  TensorView view;
  ViewScratch scratch;
  if (tensor_view(object.ptr(), &view, &scratch)) return table_of_view(view);
  if (py::isinstance<py::array>(object)) return table_of_array(py::reinterpret_borrow<py::array>(object));
  if (py::hasattr(object, "data_ptr")) return table_by_attributes(object, name);
  throw py::type_error(std::string(name) + " must be a torch.Tensor or a numpy.ndarray, got " +
                       py::type::of(object).attr("__name__").cast<std::string>());
}

Table table_of(py::handle object, const char* name) {
  Table table = any_table(object, name);
  if (table.shape.empty()) throw py::value_error(std::string(name) + " must have at least one dimension");
  if (!table.dense_rows()) throw py::value_error(std::string(name) + " must have contiguous rows");
  return table;
}

void require_in_range(const Integers& indices, std::int64_t rows) {
  const std::size_t k = first_out_of_range(indices.data(), indices.size(), rows);
  if (k == indices.size()) return;
  throw py::index_error("index " + std::to_string(indices.data()[k]) + " at position " + std::to_string(k) +
                        " is out of bounds for length " + std::to_string(rows));
}

void require_positions(const Integers& positions, std::size_t count, std::int64_t rows) {
  if (positions.size() != count) throw py::value_error("positions must be as many as indices");
  const std::size_t k = first_out_of_range(positions.data(), count, rows);
  const bool negative = k == count && std::any_of(positions.data(), positions.data() + count,
                                                  [](std::int64_t position) { return position < 0; });
  if (k != count || negative) throw py::index_error("positions must be rows of out, counted from 0");
}

void require_same_rows(const Table& source, const Table& out) {
  const bool same = source.itemsize == out.itemsize && source.shape.size() == out.shape.size() &&
                    std::equal(source.shape.begin() + 1, source.shape.end(), out.shape.begin() + 1);
  if (!same) throw py::value_error("source and out must have rows of one shape and item size");
}

}  // namespace

Integers::Integers(py::handle object, const char* name) {
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_ND | PyBUF_FORMAT) != 0) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be a contiguous int64 buffer, such as a numpy array");
  }
  const std::string format = view_.format == nullptr ? "B" : view_.format;
  if ((format != "l" && format != "q") || view_.itemsize != sizeof(std::int64_t) || view_.ndim != 1) {
    PyBuffer_Release(&view_);
    throw py::type_error(std::string(name) + " must be one-dimensional int64, got format '" + format + "'");
  }
}

Integers::~Integers() { PyBuffer_Release(&view_); }

GatherArgs gather_args(py::handle source_object, py::handle indices_object, py::handle out_object,
                       py::handle positions_object) {
  const Table source = table_of(source_object, "source");
  const Table out = table_of(out_object, "out");
  require_same_rows(source, out);
  if (!out.writeable) throw py::value_error("out must be writable");
  auto indices = std::make_unique<Integers>(indices_object, "indices");
  std::unique_ptr<Integers> positions;
  if (!positions_object.is_none()) {
    positions = std::make_unique<Integers>(positions_object, "positions");
    require_positions(*positions, indices->size(), out.rows());
  } else if (static_cast<std::int64_t>(indices->size()) != out.rows()) {
    throw py::value_error("out must have as many rows as there are indices");
  }
  require_in_range(*indices, source.rows());
  const GatherJob job{source.data,
                      static_cast<std::ptrdiff_t>(source.strides[0]),
                      source.rows(),
                      indices->data(),
                      positions ? positions->data() : nullptr,
                      indices->size(),
                      out.data,
                      static_cast<std::ptrdiff_t>(out.strides[0]),
                      source.row_bytes()};
  return {job, std::move(indices), std::move(positions)};
}

}  // namespace fastload
