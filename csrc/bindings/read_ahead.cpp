// GatherAhead: a batch that is being gathered before it is asked for.
#include <pybind11/pybind11.h>

#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/gather_args.h"
#include "bindings/gil.h"
#include "core/background.h"
#include "core/thread_pool.h"
#include "kernels/gather.h"

namespace fastload {
namespace {

namespace py = pybind11;

// Some 4 us of copying: what a caller waits for at most, if the thread that is in the step has a processor.
constexpr std::size_t kStepBytes = std::size_t{1} << 16;
// From here on the caller does not help alone: see gather_rows.
constexpr std::size_t kParallelBytes = std::size_t{4} << 20;
constexpr std::chrono::nanoseconds kLeastPatience{20'000};

// Waiting as long as making it anew takes, at some 8 bytes a nanosecond, costs at most twice the better choice.
std::chrono::nanoseconds patience(std::size_t bytes) { return kLeastPatience + std::chrono::nanoseconds(bytes / 8); }

constexpr int kNobody = -2;
constexpr int kSomeProcessor = -1;

int processor() noexcept {
#ifdef __linux__
  return sched_getcpu();
#else
  return kSomeProcessor;
#endif
}

class GatherAhead {
 public:
  // copies: (source, indices, out) for each table of the batch.
  explicit GatherAhead(py::list copies) : keeps_(std::move(copies)) {
    for (py::handle entry : keeps_) {
      const auto copy = py::cast<py::tuple>(entry);
      if (copy.size() != 3) throw py::value_error("a copy must be (source, indices, out)");
      args_.push_back(gather_args(copy[0], copy[1], copy[2], py::none()));
      bytes_ += args_.back().job.count * args_.back().job.row_bytes;
    }
    steps_ = std::max<std::size_t>(1, bytes_ / kStepBytes);
    work_.emplace(steps_, [this](std::size_t step) { do_step(step); });
  }

  GatherAhead(const GatherAhead&) = delete;
  GatherAhead& operator=(const GatherAhead&) = delete;

  // Whether the batch is whole. If not, a thread that has lost its processor is in a part of it.
  bool finish() {
    if (work_->done()) return true;
    return without_gil([this] {
      help();
      return work_->done_within(patience(bytes_));
    });
  }

  bool cancel() { return work_->cancel(); }

  bool helped() const {
    const int helper = helper_.load(std::memory_order_relaxed);
    return helper != kNobody && (helper == kSomeProcessor || helper != processor());
  }

 private:
  // Every step has its share of the rows of every table.
  void do_step(std::size_t step) noexcept {
    if (std::this_thread::get_id() != owner_) helper_.store(processor(), std::memory_order_relaxed);
    for (const GatherArgs& args : args_) {
      const std::size_t rows = args.job.count;
      gather_part(args.job, rows * step / steps_, rows * (step + 1) / steps_);
    }
  }

  void help() {
    if (bytes_ < kParallelBytes) return work_->help();
    parallel_for(static_cast<std::size_t>(num_threads()), [this](std::size_t) { work_->help(); });
  }

  py::list keeps_;
  std::vector<GatherArgs> args_;
  std::size_t bytes_ = 0;
  std::size_t steps_ = 0;
  const std::thread::id owner_ = std::this_thread::get_id();
  std::atomic<int> helper_{kNobody};  // on which processor another thread took part
  std::optional<Background> work_;  // last, so that it goes first: it waits for threads that use the others
};

}  // namespace

void bind_read_ahead(py::module_& m) {
  py::class_<GatherAhead>(m, "GatherAhead",
                          "A batch that is gathered in the background. Its death waits for threads that are in it.")
      .def(py::init<py::list>(), py::arg("copies"),
           "out[k] = source[indices[k]] for each (source, indices, out); IndexError before anything is begun.")
      .def("finish", &GatherAhead::finish,
           "Do what is left to do; True: the batch is whole. False: another thread is held up in a part of it, and "
           "the batch is better made anew.")
      .def("helped", &GatherAhead::helped,
           "Whether another thread took part, on another processor than the caller's, which it only takes from it.")
      .def("cancel", &GatherAhead::cancel, "Begin no more of it; True: no thread is in it.");
}

}  // namespace fastload
