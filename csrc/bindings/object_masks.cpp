// Masks of objects from polygons and runs.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "kernels/object_masks.h"

namespace fastload {
namespace {

namespace py = pybind11;
using namespace pybind11::literals;
using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

py::array_t<std::uint8_t> empty_mask(int height, int width) {
  if (height < 1 || width < 1) throw py::value_error("a mask must have at least one pixel");
  py::array_t<std::uint8_t> mask({height, width});
  std::fill(mask.mutable_data(), mask.mutable_data() + mask.size(), std::uint8_t{0});
  return mask;
}

bool is_length(double number) {
  return number >= 0 && number <= std::numeric_limits<std::uint32_t>::max() && number == std::floor(number);
}

// A value for a message, cut short.
std::string shown(const py::handle& value) {
  constexpr std::size_t kMost = 80;
  const auto text = py::repr(value).cast<std::string>();
  return text.size() <= kMost ? text : "a " + py::type::of(value).attr("__name__").cast<std::string>();
}

// Doubles hold every length exactly, and unlike a cast to unsigned numbers keep what is no length.
Runs runs_of_numbers(const py::object& counts) {
  const auto numbers = Doubles::ensure(counts);
  const bool is_row = numbers && numbers.ndim() == 1;
  if (!is_row || !std::all_of(numbers.data(), numbers.data() + numbers.size(), is_length)) {
    throw py::value_error("the runs of a mask must be whole numbers, none of them negative, got " + shown(counts));
  }
  return {numbers.data(), numbers.data() + numbers.size()};
}

py::array_t<std::uint8_t> polygons_mask(const py::list& polygons, int height, int width) {
  auto mask = empty_mask(height, width);
  std::vector<std::uint8_t> scratch;
  for (const py::handle entry : polygons) {
    const auto corners = Doubles::ensure(entry);
    if (!corners) {
      throw py::value_error("a polygon must be a list of numbers x, y, x, y, ..., got " + shown(entry));
    }
    if (corners.ndim() != 1 || corners.size() < 6 || corners.size() % 2 != 0) {
      throw py::value_error("a polygon must be at least three corners x, y, x, y, ..., got " +
                            std::to_string(corners.size()) + " numbers");
    }
    const std::span<const double> numbers(corners.data(), static_cast<std::size_t>(corners.size()));
    for (const double number : numbers) {
      if (!std::isfinite(number)) throw py::value_error("the corners of a polygon must be finite");
    }
    add_polygon(numbers, height, width, &scratch, mask.mutable_data());
  }
  return mask;
}

py::array_t<std::uint8_t> runs_mask(const py::object& counts, int height, int width) {
  auto mask = empty_mask(height, width);
  Runs runs;
  if (py::isinstance<py::bytes>(counts) || py::isinstance<py::str>(counts)) {
    const auto text = counts.cast<std::string>();
    if (!runs_of_text(text, &runs)) throw py::value_error("the text is no compressed mask");
  } else {
    runs = runs_of_numbers(counts);
  }
  if (!add_runs(runs, height, width, mask.mutable_data())) {
    const auto pixels = std::accumulate(runs.begin(), runs.end(), std::uint64_t{0});
    throw py::value_error("the runs are not those of a mask of " + std::to_string(height) + " x " +
                          std::to_string(width) + " (height x width): they are of " + std::to_string(pixels) +
                          " pixels");
  }
  return mask;
}

}  // namespace

void bind_object_masks(py::module_& m) {
  m.def("polygons_mask", &polygons_mask, "polygons"_a, "height"_a, "width"_a,
        "(height, width) uint8: 1 inside of any of the polygons, each x, y, x, y, ...");
  m.def("runs_mask", &runs_mask, "counts"_a, "height"_a, "width"_a,
        "(height, width) uint8: 1 in every second run, down the columns; counts or COCO's compressed text.");
}

}  // namespace fastload
