// Tuples from Python as the steps of an image program.
#include <pybind11/stl.h>

#include <array>
#include <string>
#include <utility>

#include "bindings/image_args.h"

namespace fastload {
namespace {

namespace py = pybind11;

template <class Value, std::size_t kCount>
Value named(const std::pair<const char*, Value> (&known)[kCount], const std::string& name, const char* what) {
  std::string names;
  for (const auto& [candidate, value] : known) {
    if (name == candidate) return value;
    names += names.empty() ? candidate : std::string(", ") + candidate;
  }
  throw py::value_error(std::string(what) + " must be one of " + names + ", got '" + name + "'");
}

constexpr std::pair<const char*, Filter> kFilters[] = {
    {"nearest", Filter::kNearest}, {"box", Filter::kBox},         {"bilinear", Filter::kBilinear},
    {"hamming", Filter::kHamming}, {"bicubic", Filter::kBicubic}, {"lanczos", Filter::kLanczos}};
constexpr std::pair<const char*, PadMode> kModes[] = {{"constant", PadMode::kConstant},
                                                      {"edge", PadMode::kEdge},
                                                      {"reflect", PadMode::kReflect},
                                                      {"symmetric", PadMode::kSymmetric}};

// The arguments of one op, taken one after the other.
class Arguments {
 public:
  explicit Arguments(const py::tuple& op) : op_(op) {
    if (op.size() < 2) throw py::value_error("an op must be (stream, name, ...), got " + text());
  }

  template <class Value>
  Value next() {
    if (at_ == op_.size()) throw py::value_error("an argument is missing in the op " + text());
    try {
      return op_[at_++].cast<Value>();
    } catch (const py::cast_error&) {
      throw py::type_error("argument " + std::to_string(at_ - 1) + " of the op " + text() + " has a wrong type");
    }
  }
  int size(const char* what) {
    const int value = next<int>();
    if (value < 1) throw py::value_error(std::string(what) + " must be 1 or more in the op " + text());
    return value;
  }
  Size image_size() {
    const int height = size("height");
    return {height, size("width")};
  }
  double probability() {
    const double value = next<double>();
    if (!(value >= 0 && value <= 1)) throw py::value_error("a probability must be in [0, 1] in the op " + text());
    return value;
  }
  std::pair<double, double> range(const char* what) {
    const auto [low, high] = next<std::pair<double, double>>();
    if (!(low > 0 && high >= low)) {
      throw py::value_error(std::string(what) + " must be (low, high), 0 < low <= high, in the op " + text());
    }
    return {low, high};
  }
  Filter filter() { return named(kFilters, next<std::string>(), "filter"); }
  PadMode mode() { return named(kModes, next<std::string>(), "mode"); }
  Margins margins() {
    const auto values = next<std::array<int, 4>>();
    return {values[0], values[1], values[2], values[3]};
  }
  Fill fill() {
    const auto levels = next<std::vector<int>>();
    if (levels.size() != 1 && levels.size() != 3 && levels.size() != 4) {
      throw py::value_error("fill must have 1, 3 or 4 levels in the op " + text());
    }
    Fill fill{0, 0, 0, 255};
    for (std::size_t channel = 0; channel < 4; ++channel) {
      if (levels.size() != 1 && channel >= levels.size()) break;
      const int level = levels[levels.size() == 1 ? 0 : channel];
      if (level < 0 || level > 255) throw py::value_error("levels of fill must be in [0, 255] in the op " + text());
      fill[channel] = static_cast<std::uint8_t>(level);
    }
    return fill;
  }
  void end() const {
    if (at_ != op_.size()) throw py::value_error("too many arguments in the op " + text());
  }

 private:
  std::string text() const { return py::repr(op_).cast<std::string>(); }

  py::tuple op_;
  std::size_t at_ = 0;
};

Op crop_of(Arguments& a) {
  const int top = a.next<int>();
  const int left = a.next<int>();
  return CropOp{top, left, a.image_size()};
}

Op pad_of(Arguments& a) {
  const int left = a.next<int>();
  const int top = a.next<int>();
  const int right = a.next<int>();
  const Margins margins{left, top, right, a.next<int>()};
  const Fill fill = a.fill();
  return PadOp{margins, fill, a.mode()};
}

Op random_crop_of(Arguments& a) {
  const Size size = a.image_size();
  const Margins margins = a.margins();
  const bool pad_if_needed = a.next<bool>();
  const Fill fill = a.fill();
  return RandomCropOp{size, PadOp{margins, fill, a.mode()}, pad_if_needed};
}

Op random_resized_crop_of(Arguments& a) {
  const Size size = a.image_size();
  const auto scale = a.range("scale");
  const auto ratio = a.range("ratio");
  return RandomResizedCropOp{size, scale.first, scale.second, ratio.first, ratio.second, a.filter()};
}

Op resize_of(Arguments& a) {
  const Size size = a.image_size();
  return ResizeOp{size, a.filter()};
}

Op resize_shorter_of(Arguments& a) {
  const int shorter = a.size("size");
  const int longest = a.next<int>();
  return ResizeShorterOp{shorter, longest, a.filter()};
}

Op resize_longer_of(Arguments& a) {
  const int longer = a.size("max_size");
  return ResizeLongerOp{longer, a.filter()};
}

Op grayscale_of(Arguments& a) {
  const int channels = a.next<int>();
  if (channels != 1 && channels != 3) {
    throw py::value_error("grayscale makes 1 or 3 channels, got " + std::to_string(channels));
  }
  return GrayscaleOp{channels};
}

using Parser = Op (*)(Arguments&);
constexpr std::pair<const char*, Parser> kParsers[] = {
    {"crop", crop_of},
    {"center_crop", [](Arguments& a) -> Op { return CenterCropOp{a.image_size()}; }},
    {"random_crop", random_crop_of},
    {"random_resized_crop", random_resized_crop_of},
    {"resize", resize_of},
    {"resize_shorter", resize_shorter_of},
    {"resize_longer", resize_longer_of},
    {"flip_x", [](Arguments& a) -> Op { return FlipOp{true, a.probability()}; }},
    {"flip_y", [](Arguments& a) -> Op { return FlipOp{false, a.probability()}; }},
    {"pad", pad_of},
    {"grayscale", grayscale_of}};

}  // namespace

std::vector<Step> steps_of(const py::list& ops) {
  std::vector<Step> steps;
  for (const py::handle entry : ops) {
    if (!py::isinstance<py::tuple>(entry)) {
      throw py::type_error("an op must be a tuple, got " + py::repr(entry).cast<std::string>());
    }
    Arguments arguments(py::reinterpret_borrow<py::tuple>(entry));
    const auto stream = arguments.next<std::uint64_t>();
    const Parser parse = named(kParsers, arguments.next<std::string>(), "an op");
    steps.push_back({stream, parse(arguments)});
    arguments.end();
  }
  return steps;
}

}  // namespace fastload
