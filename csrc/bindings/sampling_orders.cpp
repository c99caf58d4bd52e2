// Mt19937, Shuffle and the keyed orders: arguments checked, results as int64 arrays, long work without the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>

#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "kernels/feistel.h"
#include "kernels/mt19937.h"
#include "kernels/shuffle.h"
#include "memory/available.h"
#include "memory/errors.h"
#include "memory/mapping.h"

namespace fastload {
namespace {

namespace py = pybind11;

// Ctrl-C is looked for after so many steps, about a tenth of a second.
constexpr std::uint64_t kStepsAtATime = std::uint64_t{1} << 24;
constexpr std::uint64_t kLongestShuffle = std::uint64_t{1} << 59;

// --- ranges of positions ----------------------------------------------------------------------------------

struct Range {
  std::uint64_t start, step;
  std::size_t count;

  std::uint64_t end() const { return count == 0 ? 0 : start + (count - 1) * step + 1; }
};

Range checked_range(std::int64_t start, std::int64_t stop, std::int64_t step) {
  if (start < 0 || step < 1) {
    throw std::invalid_argument("positions start at 0 and go onwards, got start " + std::to_string(start) + ", step " +
                                std::to_string(step));
  }
  const auto first = static_cast<std::uint64_t>(start), stride = static_cast<std::uint64_t>(step);
  const std::uint64_t span = stop > start ? static_cast<std::uint64_t>(stop - start) : 0;
  return {first, stride, static_cast<std::size_t>(span / stride + (span % stride != 0))};
}

std::uint64_t checked_length(std::int64_t length, std::int64_t least, std::uint64_t most) {
  if (length < least || static_cast<std::uint64_t>(length) > most) {
    throw std::invalid_argument("length must be " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                                std::to_string(length));
  }
  return static_cast<std::uint64_t>(length);
}

// --- generators -------------------------------------------------------------------------------------------

py::buffer_info checked_bytes(const py::buffer& state) {
  py::buffer_info info = state.request();
  if (info.ndim != 1 || info.itemsize != 1 || (info.size > 1 && info.strides[0] != 1)) {
    throw std::invalid_argument("a generator's state must be contiguous bytes");
  }
  return info;
}

Mt19937 generator_from_state(const py::buffer& state) {
  const py::buffer_info info = checked_bytes(state);
  return Mt19937::from_torch_state(static_cast<const std::byte*>(info.ptr), static_cast<std::size_t>(info.size));
}

py::array_t<std::uint8_t> generator_state(const Mt19937& generator, const py::buffer& like) {
  const py::buffer_info info = checked_bytes(like);
  (void)Mt19937::from_torch_state(static_cast<const std::byte*>(info.ptr), static_cast<std::size_t>(info.size));
  py::array_t<std::uint8_t> state(info.size);
  std::memcpy(state.mutable_data(), info.ptr, static_cast<std::size_t>(info.size));
  generator.write_torch_state(reinterpret_cast<std::byte*>(state.mutable_data()));
  return state;
}

void skip(Mt19937& generator, std::uint64_t count) {
  without_gil([&] { generator.skip(count); });
}

// --- the shuffle ------------------------------------------------------------------------------------------

// Larger ones are asked about beforehand: the system would promise the memory, and end the process when it is touched.
constexpr std::uint64_t kLargeBytes = std::uint64_t{64} << 20;

Mapping shuffle_memory(std::uint64_t length) {
  const std::uint64_t bytes = std::max<std::uint64_t>(1, Shuffle::bytes(length));
  const std::uint64_t available = bytes < kLargeBytes ? bytes : available_bytes();
  const auto refused = [&](const std::string& why) {
    return OutOfMemory("a shuffle of " + std::to_string(length) + " indices needs " + std::to_string(bytes) +
                       " bytes: " + why + "; RandomSampler(..., method='feistel') needs none");
  };
  if (bytes > available) throw refused(std::to_string(available) + " are available");
  try {
    Mapping memory = Mapping::anonymous(bytes);
#ifdef MADV_NOHUGEPAGE
    // The first steps go all over the memory. With huge pages the first batch would zero most of it: for 10^8 indices
    // it came after 0.1 to 1 s, without after 1 ms; the whole order took 10 ns an index, without 14.
    if (length < Shuffle::kForwardLimit) madvise(memory.data(), bytes, MADV_NOHUGEPAGE);
#endif
    return memory;
  } catch (const std::system_error& failure) {
    throw refused(failure.what());
  }
}

class BoundShuffle {
 public:
  BoundShuffle(std::int64_t length, const Mt19937& generator)
      : memory_(shuffle_memory(checked_length(length, 0, kLongestShuffle))),
        shuffle_(static_cast<std::uint64_t>(length), generator, memory_.data()) {}

  std::uint64_t length() const { return shuffle_.length(); }

  py::array_t<std::int64_t> read(std::int64_t start, std::int64_t stop, std::int64_t step) {
    const Range range = checked_range(start, stop, step);
    if (range.end() > length()) {
      throw py::index_error("position " + std::to_string(range.end() - 1) + " is out of bounds for length " +
                            std::to_string(length()));
    }
    py::array_t<std::int64_t> indices(static_cast<py::ssize_t>(range.count));
    std::int64_t* out = indices.mutable_data();
    while (!without_gil([&] { return work(range, out); })) {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    return indices;
  }

 private:
  bool work(const Range& range, std::int64_t* out) {
    const std::lock_guard lock(mutex_);
    if (!shuffle_.advance(range.end(), kStepsAtATime)) return false;
    shuffle_.read(range.start, range.step, range.count, out);
    return true;
  }

  std::mutex mutex_;
  Mapping memory_;
  Shuffle shuffle_;
};

// --- keyed orders -----------------------------------------------------------------------------------------

using Keyed = void (*)(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::size_t, std::int64_t*);

template <Keyed order>
py::array_t<std::int64_t> keyed(std::int64_t length, std::uint64_t key, std::int64_t start, std::int64_t stop,
                                std::int64_t step) {
  const std::uint64_t checked = checked_length(length, 1, kLongestKeyedOrder);
  const Range range = checked_range(start, stop, step);
  py::array_t<std::int64_t> indices(static_cast<py::ssize_t>(range.count));
  std::int64_t* out = indices.mutable_data();
  without_gil([&] { order(checked, key, range.start, range.step, range.count, out); });
  return indices;
}

}  // namespace

void bind_sampling_orders(py::module_& m) {
  py::class_<Mt19937>(m, "Mt19937", "The stream of torch's CPU generator; equal ones give equal numbers ever after.")
      .def(py::init<std::uint64_t>(), py::arg("seed"))
      .def_static("from_state", &generator_from_state, py::arg("state"),
                  "At the place of a torch.Generator whose get_state() this is.")
      .def("state", &generator_state, py::arg("like"),
           "The bytes for set_state(), all but this stream as in ``like``. At least one number has been drawn.")
      .def("skip", &skip, py::arg("count"), "Pass over so many 32-bit numbers.")
      .def("copy", [](const Mt19937& generator) { return generator; })
      .def("__eq__", [](const Mt19937& a, const Mt19937& b) { return a == b; }, py::is_operator());
  py::class_<BoundShuffle>(m, "Shuffle", "torch.randperm(length), computed as far as it is read.")
      .def(py::init<std::int64_t, const Mt19937&>(), py::arg("length"), py::arg("generator"))
      .def("__len__", &BoundShuffle::length)
      .def("read", &BoundShuffle::read, py::arg("start"), py::arg("stop"), py::arg("step") = 1,
           "The indices at positions range(start, stop, step), any of them any number of times.");
  m.def("shuffle_draws", [](std::int64_t length) { return Shuffle::draws(checked_length(length, 0, kLongestShuffle)); },
        py::arg("length"), "How many 32-bit numbers torch.randperm(length) draws from its generator.");
  m.def("keyed_permutation", &keyed<keyed_permutation>, py::arg("length"), py::arg("key"), py::arg("start"),
        py::arg("stop"), py::arg("step") = 1,
        "Positions range(start, stop, step) of permutation after permutation of range(length), by a 64-bit key.");
  m.def("keyed_draws", &keyed<keyed_draws>, py::arg("length"), py::arg("key"), py::arg("start"), py::arg("stop"),
        py::arg("step") = 1, "Positions range(start, stop, step) of independent draws from range(length).");
}

}  // namespace fastload
