// Draws from weights: reads arrays of float64; the work is in kernels/.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/gil.h"
#include "kernels/alias_table.h"
#include "kernels/class_passes.h"
#include "kernels/counter_random.h"
#include "kernels/inverse_cdf.h"
#include "kernels/mt19937.h"
#include "kernels/uniform_stream.h"
#include "kernels/weight_check.h"
#include "kernels/weight_tree.h"
#include "kernels/weighted_keys.h"

namespace fastload {
namespace {

namespace py = pybind11;

using DenseDoubles = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<std::int64_t, py::array::c_style>;

struct DoubleView {
  const double* data;
  std::size_t size;
};

DoubleView numbers(const DenseDoubles& array, const char* name) {
  if (array.ndim() != 1) {
    throw py::value_error(std::string(name) + " must have one dimension, got " + std::to_string(array.ndim()));
  }
  return {array.data(), static_cast<std::size_t>(array.size())};
}

WeightCheck require_weights(DoubleView weights) {
  const WeightCheck check = without_gil([&] { return check_weights(weights.data, weights.size); });
  if (check.first_bad < weights.size) {
    throw py::value_error("weights must be finite and not negative, got " +
                          py::repr(py::float_(weights.data[check.first_bad])).cast<std::string>() + " at index " +
                          std::to_string(check.first_bad));
  }
  return check;
}

// Of weights to be drawn from, one must be positive.
DoubleView drawable(const DenseDoubles& array, std::size_t most) {
  const DoubleView weights = numbers(array, "weights");
  if (weights.size > most) {
    throw py::value_error("at most " + std::to_string(most) + " weights can be drawn from, got " +
                          std::to_string(weights.size));
  }
  if (require_weights(weights).positive == 0) {
    throw py::value_error("one weight at least must be above zero, of " + std::to_string(weights.size) + " none is");
  }
  return weights;
}

const double* uniform(const DenseDoubles& array) {
  const DoubleView uniforms = numbers(array, "uniforms");
  for (std::size_t k = 0; k < uniforms.size; ++k) {
    if (!(uniforms.data[k] >= 0 && uniforms.data[k] < 1)) throw py::value_error("uniforms must be in [0, 1)");
  }
  return uniforms.data;
}

Integers draw_alias(const AliasTable& table, std::uint64_t key, std::uint64_t start, std::size_t count,
                    std::uint64_t step) {
  Integers out(static_cast<py::ssize_t>(count));
  std::int64_t* const data = out.mutable_data();
  without_gil([&] { table.draw(key, start, step, data, count); });
  return out;
}

Integers find_in_cdf(const InverseCdf& cdf, const DenseDoubles& uniforms) {
  if (!cdf.valid()) throw py::value_error("the sum of the weights is not a finite number");
  const double* const given = uniform(uniforms);
  Integers out(uniforms.size());
  std::int64_t* const data = out.mutable_data();
  without_gil([&] { cdf.find(given, data, static_cast<std::size_t>(uniforms.size())); });
  return out;
}

// With the GIL held: a change in another thread waits.
Integers find_in_tree(const WeightTree& tree, const DenseDoubles& uniforms) {
  const double* const given = uniform(uniforms);
  if (!(tree.total() > 0) || !std::isfinite(tree.total())) {
    throw py::value_error("the sum of the weights must be a positive, finite number, after updates it is " +
                          py::repr(py::float_(tree.total())).cast<std::string>());
  }
  Integers out(uniforms.size());
  tree.find(given, out.mutable_data(), static_cast<std::size_t>(uniforms.size()));
  return out;
}

void update_tree(WeightTree& tree, const Integers& indices, const DenseDoubles& array) {
  const DoubleView weights = numbers(array, "weights");
  if (indices.ndim() != 1 || static_cast<std::size_t>(indices.size()) != weights.size) {
    throw py::value_error("indices and weights must be of one length");
  }
  require_weights(weights);
  for (std::size_t k = 0; k < weights.size; ++k) {
    const std::int64_t index = indices.data()[k];
    if (index < 0 || static_cast<std::size_t>(index) >= tree.size()) {
      throw py::value_error("index " + std::to_string(index) + " is not one of the " + std::to_string(tree.size()) +
                            " weights");
    }
  }
  tree.update(indices.data(), weights.data, weights.size);
}

Integers draw_without_replacement(const DenseDoubles& array, std::uint64_t key, std::size_t count) {
  const DoubleView weights = numbers(array, "weights");
  const std::size_t positive = require_weights(weights).positive;
  if (positive < count) {
    throw py::value_error("cannot draw " + std::to_string(count) + " without replacement from " +
                          std::to_string(positive) + " weights above zero");
  }
  auto* const drawn = new std::vector<std::int64_t>;
  const py::capsule owner(drawn, [](void* vector) { delete static_cast<std::vector<std::int64_t>*>(vector); });
  without_gil([&] { *drawn = smallest_keys(weights.data, weights.size, key, count); });
  return Integers({drawn->size()}, {sizeof(std::int64_t)}, drawn->data(), owner);
}

py::array_t<double> random_uniforms(std::uint64_t key, std::uint64_t start, std::size_t count, std::uint64_t step) {
  py::array_t<double> out(static_cast<py::ssize_t>(count));
  double* const data = out.mutable_data();
  const CounterRandom random(key);
  for (std::size_t k = 0; k < count; ++k) data[k] = random.uniform(start + k * step);
  return out;
}

UniformStream uniform_stream(const py::buffer& state, std::uint64_t length) {
  const py::buffer_info bytes = state.request();
  if (bytes.itemsize != 1 || bytes.ndim != 1) throw py::value_error("a generator's state must be bytes");
  const auto generator =
      Mt19937::from_torch_state(static_cast<const std::byte*>(bytes.ptr), static_cast<std::size_t>(bytes.size));
  return without_gil([&] { return UniformStream(generator, length); });
}

py::array_t<std::uint8_t> state_after(const UniformStream& stream, const py::buffer& state) {
  const py::buffer_info bytes = state.request();
  if (bytes.itemsize != 1 || bytes.size != static_cast<py::ssize_t>(Mt19937::kTorchStateBytes)) {
    throw py::value_error("state must be that of a CPU torch.Generator");
  }
  py::array_t<std::uint8_t> after(bytes.size, static_cast<const std::uint8_t*>(bytes.ptr));
  if (stream.length() > 0) stream.end().write_torch_state(reinterpret_cast<std::byte*>(after.mutable_data()));
  return after;
}

// With the GIL held: a stream remembers where it stands.
py::array_t<double> read_uniforms(UniformStream& stream, std::uint64_t start, std::size_t count, std::uint64_t step) {
  if (count != 0 && (step == 0 || start >= stream.length() || (count - 1) > (stream.length() - 1 - start) / step)) {
    throw py::value_error("positions must be below " + std::to_string(stream.length()));
  }
  py::array_t<double> out(static_cast<py::ssize_t>(count));
  stream.read(start, step, out.mutable_data(), count);
  return out;
}

Integers next_members(std::uint64_t key, const Integers& classes, const Integers& sizes, Integers& taken) {
  if (classes.ndim() != 1 || sizes.ndim() != 1 || taken.ndim() != 1 || sizes.size() != taken.size()) {
    throw py::value_error("classes, sizes and taken must have one dimension, sizes and taken one length");
  }
  const std::int64_t* const drawn = classes.data();
  const auto outside = [&](std::int64_t k) { return k < 0 || k >= sizes.size(); };
  if (std::any_of(drawn, drawn + classes.size(), outside)) {
    throw py::value_error("classes must be 0 to " + std::to_string(sizes.size() - 1));
  }
  const auto empty = [](std::int64_t size) { return size < 1; };
  if (std::any_of(sizes.data(), sizes.data() + sizes.size(), empty)) throw py::value_error("sizes must be positive");
  Integers out(classes.size());
  take_members(key, drawn, sizes.data(), taken.mutable_data(), out.mutable_data(),
               static_cast<std::size_t>(classes.size()));
  return out;
}

}  // namespace

void bind_sampling_weighted(py::module_& m) {
  using py::literals::operator""_a;
  m.def(
      "check_weights",
      [](const DenseDoubles& array) { return require_weights(numbers(array, "weights")).positive; }, "weights"_a.noconvert(),
      "How many are above zero. ValueError if one is negative, infinite or no number.");
  m.def("random_uniforms", &random_uniforms, "key"_a, "start"_a, "count"_a, "step"_a = 1,
        "The numbers of [0, 1) at positions start, start + step, ... of the key's sequence.");
  m.def("next_members", &next_members, "key"_a, "classes"_a.noconvert(), "sizes"_a.noconvert(), "taken"_a.noconvert(),
        "The member that each draw of a class takes; taken, how often each class was drawn, is counted up.");
  m.def("draw_without_replacement", &draw_without_replacement, "weights"_a.noconvert(), "key"_a, "count"_a,
        "count different indices in the order in which they are drawn.");
  py::class_<UniformStream>(m, "UniformStream", "torch.rand of doubles from any position on.")
      .def(py::init(&uniform_stream), "state"_a, "length"_a)
      .def("__len__", &UniformStream::length)
      .def("state_after", &state_after, "state"_a, "The generator's state after all numbers, from the one before.")
      .def("read", &read_uniforms, "start"_a, "count"_a, "step"_a = 1,
           "The numbers at positions start, start + step, ...");
  py::class_<AliasTable>(m, "AliasTable", "Draws with replacement, each in constant time.")
      .def(py::init([](const DenseDoubles& array) {
             const DoubleView weights = drawable(array, AliasTable::kMostWeights);
             return without_gil([&] { return AliasTable(weights.data, weights.size); });
           }),
           "weights"_a.noconvert())
      .def("__len__", &AliasTable::size)
      .def("draw", &draw_alias, "key"_a, "start"_a, "count"_a, "step"_a = 1,
           "The draws at positions start, start + step, ... of the key's sequence.");
  py::class_<InverseCdf>(m, "InverseCdf", "torch.multinomial's answers to uniform numbers.")
      .def(py::init([](const DenseDoubles& array) {
             const DoubleView weights = drawable(array, (std::size_t{1} << 32) - 1);
             return without_gil([&] { return InverseCdf(weights.data, weights.size); });
           }),
           "weights"_a.noconvert())
      .def("__len__", &InverseCdf::size)
      .def_property_readonly("valid", &InverseCdf::valid, "Whether the sum of the weights is finite.")
      .def("find", &find_in_cdf, "uniforms"_a.noconvert(), "The index for each number of [0, 1).");
  py::class_<WeightTree>(m, "WeightTree", "Draws with replacement from weights that change.")
      .def(py::init([](const DenseDoubles& array) {
             const DoubleView weights = numbers(array, "weights");
             require_weights(weights);
             return without_gil([&] { return WeightTree(weights.data, weights.size); });
           }),
           "weights"_a.noconvert())
      .def("__len__", &WeightTree::size)
      .def_property_readonly("total", &WeightTree::total, "The sum of the weights.")
      .def("update", &update_tree, "indices"_a.noconvert(), "weights"_a.noconvert(),
           "Change the weights of indices; of equal indices the last one counts.")
      .def("find", &find_in_tree, "uniforms"_a.noconvert(), "The index at each fraction of the total.");
}

}  // namespace fastload
