// The arguments of one step of an image program, a tuple from Python: each is checked as it is taken.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/ops.h"

namespace fastload {

template <class Value, std::size_t kCount>
Value named(const std::pair<const char*, Value> (&known)[kCount], const std::string& name, const char* what) {
  std::string names;
  for (const auto& [candidate, value] : known) {
    if (name == candidate) return value;
    names += names.empty() ? candidate : std::string(", ") + candidate;
  }
  throw pybind11::value_error(std::string(what) + " must be one of " + names + ", got '" + name + "'");
}

inline constexpr double kMostSquareTaps = 1023;  // more would take memory and time out of all proportion

inline constexpr std::pair<const char*, Filter> kFilters[] = {
    {"nearest", Filter::kNearest}, {"box", Filter::kBox},         {"bilinear", Filter::kBilinear},
    {"hamming", Filter::kHamming}, {"bicubic", Filter::kBicubic}, {"lanczos", Filter::kLanczos},
    {"linear", Filter::kLinear}};
inline constexpr std::pair<const char*, PadMode> kModes[] = {{"constant", PadMode::kConstant},
                                                             {"edge", PadMode::kEdge},
                                                             {"reflect", PadMode::kReflect},
                                                             {"symmetric", PadMode::kSymmetric}};

inline constexpr std::pair<const char*, Sampling> kSamplings[] = {
    {"nearest", Sampling::kNearest}, {"bilinear", Sampling::kBilinear}, {"bicubic", Sampling::kBicubic}};

// Taken one after the other; ValueError or TypeError, with the tuple, for what is not one.
class OpArguments {
 public:
  explicit OpArguments(const pybind11::tuple& op) : op_(op) {
    if (op.size() < 2) throw pybind11::value_error("an op must be (stream, name, ...), got " + text());
  }

  template <class Value>
  Value next() {
    if (at_ == op_.size()) throw pybind11::value_error("an argument is missing in the op " + text());
    try {
      return op_[at_++].cast<Value>();
    } catch (const pybind11::cast_error&) {
      throw pybind11::type_error("argument " + std::to_string(at_ - 1) + " of the op " + text() + " has a wrong type");
    }
  }
  // A whole number of pixels; negative numbers are margins that take away, and places outside of the image.
  int pixels() {
    const int value = next<int>();
    if (value < -kLongestSide || value > kLongestSide) {
      throw pybind11::value_error("no image has " + std::to_string(value) + " pixels a side, in the op " + text());
    }
    return value;
  }
  int size(const char* what) {
    const int value = pixels();
    if (value < 1) throw pybind11::value_error(std::string(what) + " must be 1 or more in the op " + text());
    return value;
  }
  Size image_size() {
    const int height = size("height");
    return {height, size("width")};
  }
  double probability() {
    const double value = next<double>();
    if (!(value >= 0 && value <= 1)) throw pybind11::value_error("a probability must be in [0, 1] in the op " + text());
    return value;
  }
  std::pair<double, double> range(const char* what) {
    const auto [low, high] = next<std::pair<double, double>>();
    if (!(low > 0 && high >= low)) {
      throw pybind11::value_error(std::string(what) + " must be (low, high), 0 < low <= high, in the op " + text());
    }
    return {low, high};
  }
  Filter filter() { return named(kFilters, next<std::string>(), "filter"); }
  PadMode mode() { return named(kModes, next<std::string>(), "mode"); }
  Margins margins() {
    const auto values = next<std::array<int, 4>>();
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    if (*least < -kLongestSide || *most > kLongestSide) {
      throw pybind11::value_error("no image has such margins, in the op " + text());
    }
    return {values[0], values[1], values[2], values[3]};
  }
  Fill fill() {
    const auto levels = next<std::vector<int>>();
    if (levels.size() != 1 && levels.size() != 3 && levels.size() != 4) {
      throw pybind11::value_error("fill must have 1, 3 or 4 levels in the op " + text());
    }
    Fill fill{0, 0, 0, 255};
    for (std::size_t channel = 0; channel < 4; ++channel) {
      if (levels.size() != 1 && channel >= levels.size()) break;
      const int level = levels[levels.size() == 1 ? 0 : channel];
      if (level < 0 || level > 255) {
        throw pybind11::value_error("levels of fill must be in [0, 255] in the op " + text());
      }
      fill[channel] = static_cast<std::uint8_t>(level);
    }
    return fill;
  }
  Range free_range(const char* what) {
    const auto [low, high] = next<std::pair<double, double>>();
    if (!(high >= low) || !std::isfinite(high - low)) {
      throw pybind11::value_error(std::string(what) + " must be (low, high), low <= high, finite, in the op " + text());
    }
    return {low, high};
  }
  Range from_zero(const char* what) {
    const Range range = free_range(what);
    if (range.low < 0) throw pybind11::value_error(std::string(what) + " must not be negative in the op " + text());
    return range;
  }
  WarpLook look() {
    const Sampling sampling = named(kSamplings, next<std::string>(), "sampling");
    return {sampling, fill()};
  }
  void end() const {
    if (at_ != op_.size()) throw pybind11::value_error("too many arguments in the op " + text());
  }

 private:
  std::string text() const { return pybind11::repr(op_).cast<std::string>(); }

  pybind11::tuple op_;
  std::size_t at_ = 0;
};

}  // namespace fastload
