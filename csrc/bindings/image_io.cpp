// JPEG files for fastload.io: the GIL is let go of once, for reading the file and decoding it.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <tuple>

#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "bindings/image_errors.h"
#include "codecs/decode.h"
#include "codecs/orient.h"
#include "core/file.h"

namespace py = pybind11;

namespace fastload {
namespace {

using Sizes4 = std::tuple<int, int, int, int>;
using Sizes2 = std::tuple<int, int>;

// Bytes of a Python object, which keeps them where they are for as long as this lives.
class HeldBuffer {
 public:
  explicit HeldBuffer(const py::object& object) {
    if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;
  ~HeldBuffer() { PyBuffer_Release(&buffer_); }
  std::span<const std::uint8_t> bytes() const noexcept {
    return {static_cast<const std::uint8_t*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_;
};

// Each thread keeps one: its memory serves one file after the other.
JpegDecoder& thread_decoder() {
  thread_local JpegDecoder decoder;
  return decoder;
}

// Calls work(bytes) -> Status without the GIL, on a file's bytes or on those of a buffer; raises what goes wrong.
template <class Work>
void with_bytes(const std::optional<std::string>& path, const std::optional<py::object>& data, Work work) {
  if (path.has_value() == data.has_value()) throw py::value_error("either a path or data");
  if (path && path->find('\0') != std::string::npos) throw py::value_error("a path with a null byte in it");
  Status status;
  if (path) {
    status = without_gil([&]() -> Status {
      std::vector<std::uint8_t> file;
      if (Status read = read_file(path->c_str(), file); !read.ok()) return read;
      return work(std::span<const std::uint8_t>(file));
    });
  } else {
    const HeldBuffer held(*data);
    status = without_gil([&] { return work(held.bytes()); });
  }
  if (status.ok()) return;
  const py::object shown = path ? py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefaultAndSize(
                                      path->data(), static_cast<Py_ssize_t>(path->size())))
                                : py::none();
  raise_image_fault(status, shown);
}

py::tuple jpeg_header(std::optional<std::string> path, std::optional<py::object> data, std::int64_t max_pixels) {
  JpegHeader header;
  with_bytes(path, data, [&](std::span<const std::uint8_t> file) {
    JpegDecoder& decoder = thread_decoder();
    const Status status = decoder.open(file, max_pixels);
    header = decoder.header();
    return status;
  });
  return py::make_tuple(header.height, header.width, header.components, header.progressive, header.orientation);
}

py::array_t<std::uint8_t> to_array(DecodedImage image) {
  std::uint8_t* pixels = image.pixels.get();
  const py::capsule owner(pixels, [](void* memory) { delete[] static_cast<std::uint8_t*>(memory); });
  (void)image.pixels.release();
  return py::array_t<std::uint8_t>({image.height, image.width, image.channels}, pixels, owner);
}

py::array_t<std::uint8_t> decode_jpeg(std::optional<std::string> path, std::optional<py::object> data, int channels,
                                      std::optional<Sizes4> region, std::optional<Sizes2> min_size,
                                      bool apply_exif_orientation, std::int64_t max_pixels) {
  if (channels != 0 && channels != 1 && channels != 3) throw py::value_error("channels must be 0, 1 or 3");
  DecodeRequest request;
  request.channels = channels;
  if (region) {
    const auto [top, left, height, width] = *region;
    request.region = Region{left, top, width, height};
  }
  if (min_size) std::tie(request.min_height, request.min_width) = *min_size;
  request.orient = apply_exif_orientation;
  request.max_pixels = max_pixels;
  DecodedImage image;
  with_bytes(path, data,
             [&](std::span<const std::uint8_t> file) { return decode(thread_decoder(), file, request, &image); });
  return to_array(std::move(image));
}

}  // namespace

void bind_image_io(py::module_& m) {
  m.def("jpeg_header", &jpeg_header, py::arg("path"), py::arg("data"), py::arg("max_pixels"));
  m.def("decode_jpeg", &decode_jpeg, py::arg("path"), py::arg("data"), py::arg("channels"), py::arg("region"),
        py::arg("min_size"), py::arg("apply_exif_orientation"), py::arg("max_pixels"));
}

}  // namespace fastload
