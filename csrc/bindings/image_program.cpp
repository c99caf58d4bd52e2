// ImageProgram, and the sources it is run on: ImageFiles, ImageArrays.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "bindings/image_args.h"
#include "bindings/image_errors.h"
#include "bindings/image_moves.h"
#include "bindings/image_sources.h"
#include "bindings/op_arguments.h"
#include "pipeline/footprint.h"
#include "pipeline/index_map.h"
#include "pipeline/pixel_run.h"
#include "pipeline/sample_stream.h"

namespace fastload {
namespace {

namespace py = pybind11;
using namespace pybind11::literals;

// One sample: in memory of its own, or where it is in its image, if that is given and not the whole.
class Result : public Destination {
 public:
  explicit Result(const py::array* image = nullptr) noexcept : image_(image) {}

  Status place(Size size, int channels, std::size_t bytes, void** out) noexcept override {
    const auto values = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) *
                        static_cast<std::size_t>(channels);
    data_.reset(static_cast<std::uint8_t*>(operator new(values * bytes, kAlignment, std::nothrow)));
    if (data_ == nullptr) return Status::of(Fault::kNoMemory, "no memory for %zu bytes", values * bytes);
    size_ = size;
    channels_ = channels;
    *out = data_.get();
    return {};
  }

  bool may_stay(Region part) noexcept override {
    if (image_ == nullptr || (part.height == image_->shape(0) && part.width == image_->shape(1))) return false;
    part_ = part;
    return true;
  }

  py::array array(const std::optional<OutputFormat>& output) {
    if (part_) return part_of_image();
    std::vector<ssize_t> shape{size_.height, size_.width, channels_};
    if (output && output->planar) shape = {channels_, size_.height, size_.width};
    const py::dtype dtype(output ? numpy_number(output->type) : kNumpyUint8);
    std::uint8_t* data = data_.release();
    const py::capsule owner(data, [](void* memory) { operator delete(memory, kAlignment); });
    return py::array(dtype, std::move(shape), data, owner);
  }

 private:
  static constexpr int kNumpyUint8 = 2;
  // NumPy's numbers of types are quicker to ask for than their names.
  static int numpy_number(OutType type) {
    switch (type) {
      case OutType::kUint8: return kNumpyUint8;
      case OutType::kFloat16: return 23;
      case OutType::kBfloat16: return 4;  // uint16, as NumPy has none
      case OutType::kFloat32: return 11;
    }
    return kNumpyUint8;
  }

  py::array part_of_image() const {
    const ssize_t channels = image_->ndim() == 3 ? image_->shape(2) : 1, row_bytes = image_->strides(0);
    const std::vector<ssize_t> shape{part_->height, part_->width, channels};
    const auto* first = static_cast<const std::uint8_t*>(image_->data()) + part_->y * row_bytes + part_->x * channels;
    return py::array(py::dtype(kNumpyUint8), shape, {row_bytes, channels, ssize_t{1}}, first, *image_);
  }

  static constexpr std::align_val_t kAlignment{64};  // whole vectors do not straddle lines of the cache
  struct Delete {
    void operator()(std::uint8_t* data) const noexcept { operator delete(data, kAlignment); }
  };

  std::unique_ptr<std::uint8_t[], Delete> data_;
  Size size_;
  int channels_ = 0;
  const py::array* image_;
  std::optional<Region> part_;  // of the image, that the sample is
};

py::array run(const ImageProgram& program, const py::object& image, std::uint64_t key, Targets* targets,
              bool may_view = false) {
  py::array keep;
  const ImageView view = image_view_of(image, &keep);
  Result result(may_view ? &keep : nullptr);
  Executor& executor = thread_executor();
  const Status status = without_gil([&] { return executor.run_pixels(view, program, key, result, targets); });
  if (!status.ok()) raise_image_fault(status, py::none());
  return result.array(program.output());
}

py::object path_of(const ImageSource& source, std::int64_t index) {
  const char* path = source.path(index);
  return *path == '\0' ? py::none() : py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefault(path));
}

py::array run_sample(const ImageProgram& program, const ImageSource& source, std::int64_t index, std::uint64_t key,
                     Targets* targets) {
  if (index < 0 || index >= source.size()) {
    throw py::index_error("index " + std::to_string(index) + " is out of bounds for " + std::to_string(source.size()) +
                          " images");
  }
  Result result;
  Executor& executor = thread_executor();
  const Status status = without_gil([&] { return source.run(index, executor, program, key, result, targets); });
  if (!status.ok()) raise_image_fault(status, path_of(source, index));
  return result.array(program.output());
}

py::object out_size(const ImageProgram& program, int height, int width) {
  const auto size = program.size_after(height == 0 ? std::nullopt : std::optional(Size{height, width}));
  return size ? py::object(py::make_tuple(size->height, size->width)) : py::none();
}

py::array remap(const py::object& image, const py::array_t<float, py::array::c_style>& places,
                const std::string& sampling, const py::object& fill) {
  py::array keep;
  const ImageView view = image_view_of(image, &keep);
  if (places.ndim() != 3 || places.shape(2) != 2 || places.shape(0) < 1 || places.shape(1) < 1) {
    throw py::value_error("places must be (height, width, 2)");
  }
  auto mesh = std::make_shared<Mesh>();
  mesh->size = {static_cast<int>(places.shape(0)), static_cast<int>(places.shape(1))};
  mesh->xy.assign(places.data(), places.data() + places.size());
  const ImageProgram program({{0, RemapOp{std::move(mesh), look_of(sampling, fill)}}}, std::nullopt);
  Result result;
  Executor& executor = thread_executor();
  const Status status = without_gil([&] { return executor.run_pixels(view, program, 0, result); });
  if (!status.ok()) raise_image_fault(status, py::none());
  return result.array(program.output());
}

void check_size(int height, int width) {
  if (height < 1 || width < 1) throw py::value_error("an image must have at least one pixel");
}

py::list draw_all(const ImageProgram& program, std::uint64_t key, int height, int width, Targets* targets) {
  check_size(height, width);
  return drawn_steps(program, key, {height, width}, targets);
}

py::tuple move_targets(const ImageProgram& program, std::uint64_t key, int height, int width, Targets& targets) {
  check_size(height, width);
  Size size{height, width};
  std::vector<Move> moves;
  const Status status = program.moves(&size, key, &targets, &moves);
  if (!status.ok()) raise_image_fault(status, py::none());
  return py::make_tuple(size.height, size.width);
}

py::array shown(const ImageProgram& program, std::uint64_t key, int height, int width, Targets* targets) {
  check_size(height, width);
  std::vector<std::int64_t> map;
  Size size{height, width};
  Plan plan;
  const Status status = without_gil([&] {
    std::vector<Move> moves;
    Status drawn = program.moves(&size, key, targets, &moves);
    if (!drawn.ok()) return drawn;
    plan.begin({height, width}, 3, program.fused());
    for (const Move& move : moves) plan.add(move);
    plan.end();
    map = shown_pixels(plan, {height, width});
    return drawn;
  });
  if (!status.ok()) raise_image_fault(status, py::none());
  py::array_t<std::int64_t> array({size.height, size.width});
  std::copy(map.begin(), map.end(), array.mutable_data());
  return array;
}

std::shared_ptr<PyImageFiles> make_files(const py::iterable& paths, const std::string& mode, bool apply_orientation,
                                         bool scaled, std::int64_t max_pixels) {
  if (mode != "RGB" && mode != "L") throw py::value_error("mode must be 'RGB' or 'L', got '" + mode + "'");
  if (max_pixels < 0) throw py::value_error("max_pixels must be 0 (no limit) or more");
  auto files = std::make_shared<PyImageFiles>(FileOptions{mode == "L", apply_orientation, scaled, max_pixels});
  for (const py::handle path : paths) {
    PyObject* encoded = nullptr;
    if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) {
      const py::error_already_set error;
      if (!error.matches(PyExc_ValueError)) throw error;
      const bool is_text = error.matches(PyExc_UnicodeError);  // which no file system's encoding has
      const std::string what = is_text ? " has characters that no name of a file can have" : " has a null byte in it";
      throw py::value_error("the path " + py::repr(path).cast<std::string>() + what);
    }
    const auto bytes = py::reinterpret_steal<py::bytes>(encoded);
    files->add(std::string_view(bytes));
  }
  return files;
}

std::shared_ptr<PyImageArrays> make_arrays(const py::array& images) {
  if (!is_uint8(images) || (images.ndim() != 3 && images.ndim() != 4)) {
    throw py::value_error("images must be a uint8 array, (N, H, W) or (N, H, W, C)");
  }
  const ssize_t channels = images.ndim() == 4 ? images.shape(3) : 1;
  if (channels != 1 && channels != 3) {
    throw py::value_error("images must have 1 or 3 channels, got " + std::to_string(channels));
  }
  if (images.shape(1) < 1 || images.shape(2) < 1) throw py::value_error("images must have at least one pixel each");
  const bool dense = images.strides(2) == channels && (images.ndim() == 3 || images.strides(3) == 1);
  if (!dense) throw py::value_error("images must have dense rows, such as numpy.ascontiguousarray gives");
  const ImageView first{static_cast<std::uint8_t*>(const_cast<void*>(images.data())),
                        static_cast<int>(images.shape(1)), static_cast<int>(images.shape(2)),
                        static_cast<int>(channels), images.strides(1)};
  return std::make_shared<PyImageArrays>(first, images.strides(0), images.shape(0), images);
}

std::pair<int, int> shrunk_size(const py::array_t<double, py::array::c_style | py::array::forcecast>& back,
                                std::pair<int, int> out, std::pair<int, int> size) {
  if (back.ndim() != 2 || back.shape(0) != 3 || back.shape(1) != 3) throw py::value_error("back must be (3, 3)");
  Matrix3 map;
  std::copy_n(back.data(), 9, &map.m[0][0]);
  Frame frame;
  frame.reset({size.first, size.second});
  frame.warp(map, {out.first, out.second});
  const Size made = shrunk_before(footprint_of(frame), {size.first, size.second}, false);
  return {made.height, made.width};
}

}  // namespace

void bind_image_program(py::module_& m) {
  py::class_<ImageSource, std::shared_ptr<ImageSource>>(m, "ImageSource", "Numbered images.")
      .def("__len__", &ImageSource::size);
  py::class_<PyImageFiles, ImageSource, std::shared_ptr<PyImageFiles>>(
      m, "ImageFiles", "Image files as samples, read when a sample is made.")
      .def(py::init(&make_files), "paths"_a, "mode"_a = "RGB", "apply_exif_orientation"_a = false,
           "scaled_decoding"_a = true, "max_pixels"_a = 0)
      .def(
          "path",
          [](const PyImageFiles& self, std::int64_t index) {
            if (index < 0 || index >= self.size()) throw py::index_error("there is no image of that number");
            return py::reinterpret_steal<py::str>(PyUnicode_DecodeFSDefault(self.path(index)));
          },
          "index"_a);
  py::class_<PyImageArrays, ImageSource, std::shared_ptr<PyImageArrays>>(
      m, "ImageArrays", "(N, H, W) or (N, H, W, C) uint8 pixels as samples; the array is not copied.")
      .def(py::init(&make_arrays), "images"_a);
  py::class_<ImageProgram>(m, "ImageProgram", "A chain of native transforms, run as few passes over the pixels.")
      .def(py::init([](const py::list& ops, const py::object& output, bool fused) {
             return std::make_unique<ImageProgram>(steps_of(ops), output_of(output), fused);
           }),
           "ops"_a, "output"_a = py::none(), "fused"_a = true)
      .def("out_size", &out_size, "height"_a = 0, "width"_a = 0,
           "(height, width) of what comes out of an image of that size, or of any; None if that is not decided.")
      .def("draw", &draw_all, "key"_a, "height"_a, "width"_a, "targets"_a = py::none(),
           "What each op does to such an image under that key.")
      .def("move", &move_targets, "key"_a, "height"_a, "width"_a, "targets"_a,
           "Moves targets as the program moves such an image; (height, width) of what comes out of that.")
      .def("shown_pixels", &shown, "key"_a, "height"_a, "width"_a, "targets"_a = py::none(),
           "(height, width) int64: which pixel of such an image each pixel of the result shows, y * width + x, or -1.")
      .def(  // by itself, as None for targets is slow to be told from some
          "run",
          [](const ImageProgram& self, const py::object& image, std::uint64_t key) {
            return run(self, image, key, nullptr);
          },
          "image"_a, "key"_a, "What comes out of a (H, W) or (H, W, C) uint8 array.")
      .def(
          "run",
          [](const ImageProgram& self, const py::object& image, std::uint64_t key, Targets* targets) {
            return run(self, image, key, targets);
          },
          "image"_a, "key"_a, "targets"_a)
      .def(
          "run_or_view",
          [](const ImageProgram& self, const py::object& image, std::uint64_t key) {
            return run(self, image, key, nullptr, true);
          },
          "image"_a, "key"_a, "The same; a view of the array, if that is cropped and no more.")
      .def(
          "run_sample",
          [](const ImageProgram& self, const ImageSource& source, std::int64_t index, std::uint64_t key) {
            return run_sample(self, source, index, key, nullptr);
          },
          "source"_a, "index"_a, "key"_a,
          "What comes out of an image of a source. DecodeError, or ForeignImageError for a file that Pillow reads.")
      .def("run_sample", &run_sample, "source"_a, "index"_a, "key"_a, "targets"_a);
  m.def("remap", &remap, "image"_a, "places"_a, "sampling"_a, "fill"_a,
        "The (H, W) or (H, W, C) uint8 image whose pixel (i, j) comes from (x, y) = places[i, j].");
  m.def("shrunk_before", &shrunk_size, "back"_a, "out"_a, "size"_a,
        "(height, width) that an image of that size is shrunk to before a map from an output shows it, to antialias it.");
  m.def(
      "drawn_members",
      [](const py::tuple& op, std::uint64_t key) {
        const std::vector<Step> steps = steps_of(py::list(py::make_tuple(op)));
        const auto* group = std::get_if<GroupOp>(&steps.front().op);
        if (group == nullptr) throw py::value_error("only a group has members");
        return drawn_members(*group->group, key, steps.front().stream);
      },
      "op"_a, "key"_a, "The numbers of a group's members that are drawn, in the order in which they run.");
  m.def(
      "motion_weights",
      [](const std::array<double, kPixelValues>& values, std::uint64_t key) {
        if (!(values[0] <= kMostSquareTaps)) throw py::value_error("a motion blur has at most 1023 pixels");
        std::vector<double> weights;
        const ssize_t size = motion_weights(PixelMove{PixelKind::kMotionBlur, values, key}, &weights);
        return py::array_t<double>({size, size}, weights.data());
      },
      "values"_a, "key"_a, "(size, size): by which weights a motion blur of those drawn values takes neighbours.");
  m.def("member_stream", &member_stream, "stream"_a, "turn"_a, "number"_a, "The stream of a step of a member.");
  m.def("sample_key", &sample_key, "seed"_a, "epoch"_a, "index"_a, "The key of a sample, 64 bits.");
}

}  // namespace fastload
