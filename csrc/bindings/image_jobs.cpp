// ImageJob and ImageQueue: batches that threads make.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/gather_args.h"
#include "bindings/gil.h"
#include "bindings/image_args.h"
#include "bindings/image_errors.h"
#include "bindings/image_sources.h"
#include "bindings/tensor_args.h"
#include "pipeline/image_queue.h"

namespace fastload {
namespace {

namespace py = pybind11;
using namespace pybind11::literals;

// Everything a job reads and writes, held by it.
struct JobObjects {
  JobObjects(py::object program_, py::object source_, py::object out_, py::handle indices_, py::handle streams_)
      : program(std::move(program_)),
        source(std::move(source_)),
        out(std::move(out_)),
        indices(indices_, "indices"),
        streams(streams_, "streams") {}

  py::object program, source, out;
  Integers indices, streams;
};

// Dies with the GIL held: see ImageQueue.
class PyImageJob : public ImageJob {
 public:
  PyImageJob(const BatchSpec& spec, std::unique_ptr<JobObjects> objects)
      : ImageJob(spec), objects_(std::move(objects)) {}

 private:
  std::unique_ptr<JobObjects> objects_;
};

bool is_of(DType dtype, OutType type) {
  switch (type) {
    case OutType::kUint8: return dtype == DType{Kind::kUint, 8, 1};
    case OutType::kFloat16: return dtype == DType{Kind::kFloat, 16, 1};
    case OutType::kBfloat16: return dtype == DType{Kind::kBfloat, 16, 1} || dtype == DType{Kind::kUint, 16, 1};
    case OutType::kFloat32: return dtype == DType{Kind::kFloat, 32, 1};
  }
  return false;
}

// Where the batch goes: fills out, size and row_bytes of the spec.
void read_out(py::handle out, const ImageProgram& program, BatchSpec* spec) {
  if (!program.output()) throw py::value_error("a batch needs a program with an output");
  const OutputFormat& format = *program.output();
  TensorView view;
  ViewScratch scratch;
  if (!tensor_view(out.ptr(), &view, &scratch) && !array_view(out.ptr(), &view, &scratch)) {
    throw py::type_error("out must be a CPU tensor or an array");
  }
  const int channels_at = format.planar ? 1 : 3;
  const bool fits = view.ndim == 4 && view.shape[0] == spec->count && view.shape[channels_at] == format.channels &&
                    view.is_contiguous() && is_of(view.dtype, format.type);
  if (!fits) {
    throw py::value_error("out must be contiguous, " + std::to_string(spec->count) + " samples of " +
                          std::to_string(format.channels) + " channels in the program's layout and type");
  }
  const int height_at = format.planar ? 2 : 1;
  spec->out = view.data;
  spec->size = {static_cast<int>(view.shape[height_at]), static_cast<int>(view.shape[height_at + 1])};
  spec->row_bytes = static_cast<std::size_t>(spec->count == 0 ? 0 : view.nbytes() / spec->count);
}

std::shared_ptr<PyImageJob> make_job(py::object program, py::object source, const py::object& indices,
                                     const py::object& streams, std::uint64_t seed, std::uint64_t epoch,
                                     py::object out, bool by_turns) {
  auto objects = std::make_unique<JobObjects>(std::move(program), std::move(source), std::move(out), indices,
                                              streams);
  BatchSpec spec{};
  spec.program = objects->program.cast<const ImageProgram*>();
  spec.source = objects->source.cast<const ImageSource*>();
  spec.indices = objects->indices.data();
  spec.streams = objects->streams.data();
  spec.count = static_cast<std::int64_t>(objects->indices.size());
  spec.seed = seed;
  spec.epoch = epoch;
  spec.by_turns = by_turns;
  if (objects->streams.size() != objects->indices.size()) throw py::value_error("streams must be as many as indices");
  const auto* end = spec.indices + spec.count;
  const auto* bad = std::find_if(spec.indices, end, [&](std::int64_t i) { return i < 0 || i >= spec.source->size(); });
  if (bad != end) {
    throw py::index_error("index " + std::to_string(*bad) + " at position " + std::to_string(bad - spec.indices) +
                          " is out of bounds for " + std::to_string(spec.source->size()) + " images");
  }
  read_out(objects->out, *spec.program, &spec);
  return std::make_shared<PyImageJob>(spec, std::move(objects));
}

void require_position(const PyImageJob& job, std::int64_t position) {
  if (position < 0 || position >= job.count()) throw py::index_error("there is no such position in this batch");
}

py::str path_of(const PyImageJob& job, std::int64_t position) {
  return py::reinterpret_steal<py::str>(PyUnicode_DecodeFSDefault(job.path(position)));
}

void give(PyImageJob& job, std::int64_t position, const py::object& image) {
  require_position(job, position);
  py::array keep;
  const ImageView view = image_view_of(image, &keep);
  Executor& executor = thread_executor();
  without_gil([&] { job.give(position, view, executor); });
}

void make_with(PyImageJob& job, std::int64_t position, Targets* targets, const py::object& image) {
  require_position(job, position);
  py::array keep;
  const ImageView view = image.is_none() ? ImageView{} : image_view_of(image, &keep);
  Executor& executor = thread_executor();
  const Status status = without_gil(
      [&] { return job.make_with(position, executor, targets, image.is_none() ? nullptr : &view); });
  if (status.ok()) return;
  raise_image_fault(status, *job.path(position) == '\0' ? py::object(py::none()) : path_of(job, position));
}

py::list faults(const PyImageJob& job) {
  py::list found;
  for (const auto& [position, text] : job.faults()) found.append(py::make_tuple(position, text));
  return found;
}

py::dict seconds(const PyImageJob& job) {
  const StageTimes times = job.times();
  constexpr double kNanosecond = 1e-9;
  return py::dict("read"_a = kNanosecond * static_cast<double>(times.read),
                  "decode"_a = kNanosecond * static_cast<double>(times.decode),
                  "resample"_a = kNanosecond * static_cast<double>(times.resample),
                  "finish"_a = kNanosecond * static_cast<double>(times.finish));
}

py::object work(ImageQueue& queue) {
  std::shared_ptr<ImageJob> in_hand;  // dies below, with the GIL
  Executor& executor = thread_executor();
  auto event = without_gil([&] { return queue.work(executor, in_hand); });
  if (!event) return py::none();
  return py::make_tuple(std::static_pointer_cast<PyImageJob>(std::move(event->job)), event->position);
}

}  // namespace

void bind_image_jobs(py::module_& m) {
  py::class_<PyImageJob, std::shared_ptr<PyImageJob>>(
      m, "ImageJob", "A batch in the making: row k is sample indices[k] under the key of (seed, epoch, streams[k]).")
      .def(py::init(&make_job), "program"_a, "source"_a, "indices"_a, "streams"_a, "seed"_a, "epoch"_a, "out"_a,
           "by_turns"_a = false)
      .def(
          "path",
          [](const PyImageJob& self, std::int64_t position) {
            require_position(self, position);
            return path_of(self, position);
          },
          "position"_a, "The file of a sample; empty if it has none.")
      .def("give", &give, "position"_a, "image"_a, "Pixels that were decoded elsewhere: run the program on them.")
      .def(
          "fail",
          [](PyImageJob& self, std::int64_t position, std::string text) {
            require_position(self, position);
            self.fail(position, std::move(text));
          },
          "position"_a, "text"_a, "That sample could not be decoded elsewhere either.")
      .def("make_with", &make_with, "position"_a, "targets"_a, "image"_a = py::none(),
           "Makes a sample of a job by turns, from its file or of pixels decoded elsewhere, and moves its targets.")
      .def("settle", &PyImageJob::settle, "The sample that work() handed out is dealt with, made or not.")
      .def("faults", &faults, "(position, what went wrong) of the samples that could not be made.")
      .def("done", &PyImageJob::is_whole, "Whether every sample is made or at fault.")
      .def("seconds", &seconds, "Spent on reading, decoding, resampling and finishing, summed over threads.");
  py::class_<ImageQueue, std::shared_ptr<ImageQueue>>(m, "ImageQueue", "Batches in order, for threads to work on.")
      .def(py::init<>())
      .def(
          "push", [](ImageQueue& self, std::shared_ptr<PyImageJob> job) { self.push(std::move(job)); }, "job"_a)
      .def("work", &work,
           "Make samples until there is something to say: (job, -1), it is whole; (job, position), that file has to be "
           "decoded by others, or, in a job by turns, that sample be made by them, who then call settle(); None, "
           "stopped or drained.")
      .def("drain", &ImageQueue::drain, "work() ends once nothing is left, in place of waiting.")
      .def("stop", &ImageQueue::stop, "work() ends after the sample in hand; all jobs are dropped.");
}

}  // namespace fastload
