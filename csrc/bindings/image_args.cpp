#include "bindings/image_args.h"

#include <string>

#include "bindings/tensor_args.h"

namespace fastload {
namespace {

namespace py = pybind11;

OutType out_type_of(const std::string& dtype) {
  if (dtype == "uint8") return OutType::kUint8;
  if (dtype == "float16") return OutType::kFloat16;
  if (dtype == "bfloat16") return OutType::kBfloat16;
  if (dtype == "float32") return OutType::kFloat32;
  throw py::value_error("dtype must be uint8, float16, bfloat16 or float32, got '" + dtype + "'");
}

LevelMap level_map_of(OutType type, int channels, py::handle table) {
  if (table.is_none()) {
    if (type != OutType::kUint8) throw py::value_error("a table of the levels' values is needed for any type but uint8");
    return LevelMap(type, channels, nullptr);
  }
  TensorView view;
  ViewScratch scratch;
  if (!tensor_view(table.ptr(), &view, &scratch) && !array_view(table.ptr(), &view, &scratch)) {
    throw py::type_error("table must be a tensor or an array, got " +
                         py::type::of(table).attr("__name__").cast<std::string>());
  }
  const bool fits = view.ndim == 2 && view.shape[0] == channels && view.shape[1] == 256 && view.is_contiguous() &&
                    view.itemsize == static_cast<std::int64_t>(out_bytes(type));
  if (!fits) throw py::value_error("table must be (channels, 256), contiguous, of the output's type");
  return LevelMap(type, channels, view.data);
}

}  // namespace

std::optional<OutputFormat> output_of(const py::object& output) {
  if (output.is_none()) return std::nullopt;
  const auto parts = output.cast<py::tuple>();
  if (parts.size() != 4) throw py::value_error("output must be (layout, dtype, channels, table)");
  const auto layout = parts[0].cast<std::string>();
  if (layout != "chw" && layout != "hwc") throw py::value_error("layout must be chw or hwc, got '" + layout + "'");
  const int channels = parts[2].cast<int>();
  if (channels != 1 && channels != 3) {
    throw py::value_error("channels must be 1 or 3, got " + std::to_string(channels));
  }
  const OutType type = out_type_of(parts[1].cast<std::string>());
  return OutputFormat{layout == "chw", channels, type, level_map_of(type, channels, parts[3])};
}

bool is_uint8(const py::array& array) {
  const py::dtype dtype = array.dtype();
  return dtype.kind() == 'u' && dtype.itemsize() == 1;
}

// Whether an image can be read where it is: its rows may have gaps between them, as those of a crop have.
bool has_dense_rows(const py::array& array, ssize_t channels) {
  const bool are_pixels_dense = array.ndim() == 2 || array.strides(2) == 1;
  return are_pixels_dense && array.strides(1) == channels && array.strides(0) >= array.shape(1) * channels;
}

ImageView image_view_of(const py::object& image, py::array* keep) {
  if (!py::isinstance<py::array>(image)) {
    throw py::type_error("an image must be a numpy.ndarray, got " +
                         py::type::of(image).attr("__name__").cast<std::string>());
  }
  auto array = py::reinterpret_borrow<py::array>(image);
  const auto shape = [&] { return py::str(array.attr("shape")).cast<std::string>(); };
  if (!is_uint8(array)) {
    throw py::value_error("an image must be uint8, got " + py::str(array.dtype()).cast<std::string>());
  }
  const ssize_t channels = array.ndim() == 3 ? array.shape(2) : 1;
  const bool known = channels == 1 || channels == 3 || channels == 4;
  if ((array.ndim() != 2 && array.ndim() != 3) || !known) {
    throw py::value_error("an image must be (H, W) or (H, W, C) with 1, 3 or 4 channels, got " + shape());
  }
  constexpr ssize_t kLongest = 1 << 30;
  for (int d = 0; d < 2; ++d) {
    if (array.shape(d) < 1 || array.shape(d) > kLongest) {
      throw py::value_error("an image must have at least one pixel, got " + shape());
    }
  }
  *keep = has_dense_rows(array, channels) ? array : py::array_t<std::uint8_t, py::array::c_style>::ensure(array);
  if (!*keep) throw py::error_already_set();
  return {static_cast<std::uint8_t*>(const_cast<void*>(keep->data())), static_cast<int>(array.shape(0)),
          static_cast<int>(array.shape(1)), static_cast<int>(channels), keep->strides(0)};
}

Executor& thread_executor() {
  thread_local Executor executor;
  return executor;
}

}  // namespace fastload
