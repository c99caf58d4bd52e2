// Tuples from Python as the steps of an image program.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "bindings/image_args.h"
#include "bindings/op_arguments.h"

namespace fastload {
namespace {

namespace py = pybind11;

// More would take memory and time out of all proportion.
constexpr double kMostTiles = 1024, kMostTaps = 65535, kMostSigma = 4096;
constexpr int kMostCells = 65536, kMostHoles = 1000000;

Op crop_of(OpArguments& a) {
  const int top = a.pixels();
  const int left = a.pixels();
  return CropOp{top, left, a.image_size()};
}

Op pad_of(OpArguments& a) {
  const int left = a.pixels();
  const int top = a.pixels();
  const int right = a.pixels();
  const Margins margins{left, top, right, a.pixels()};
  const Fill fill = a.fill();
  return PadOp{margins, fill, a.mode()};
}

Op random_crop_of(OpArguments& a) {
  const Size size = a.image_size();
  const Margins margins = a.margins();
  const bool pad_if_needed = a.next<bool>();
  const Fill fill = a.fill();
  return RandomCropOp{size, PadOp{margins, fill, a.mode()}, pad_if_needed};
}

Op random_resized_crop_of(OpArguments& a) {
  const Size size = a.image_size();
  const auto scale = a.range("scale");
  const auto ratio = a.range("ratio");
  return RandomResizedCropOp{size, scale.first, scale.second, ratio.first, ratio.second, a.filter()};
}

Op resize_of(OpArguments& a) {
  const Size size = a.image_size();
  return ResizeOp{size, a.filter()};
}

Op resize_shorter_of(OpArguments& a) {
  const int shorter = a.size("size");
  const int longest = a.pixels();
  return ResizeShorterOp{shorter, longest, a.filter()};
}

Op resize_longer_of(OpArguments& a) {
  const int longer = a.size("max_size");
  return ResizeLongerOp{longer, a.filter()};
}

Op fit_of(OpArguments& a) {
  const int height = a.pixels();
  const Size limits{height, a.pixels()};
  if (std::min(limits.height, limits.width) < 0 || std::max(limits.height, limits.width) == 0) {
    throw py::value_error("limits must be (height, width), 0 or more, and not both 0");
  }
  const Filter filter = a.filter();
  return FitOp{limits, filter, a.filter()};
}

Op grayscale_of(OpArguments& a) {
  const int channels = a.next<int>();
  if (channels != 1 && channels != 3) {
    throw py::value_error("grayscale makes 1 or 3 channels, got " + std::to_string(channels));
  }
  return GrayscaleOp{channels};
}

Op affine_of(OpArguments& a) {
  AffineOp op{};
  op.probability = a.probability();
  op.angle = a.free_range("angle");
  op.translate_x = a.free_range("translate");
  op.translate_y = a.free_range("translate");
  const auto scale = a.range("scale");
  op.scale = {scale.first, scale.second};
  op.shear_x = a.free_range("shear");
  op.shear_y = a.free_range("shear");
  if (const auto centre = a.next<std::optional<std::pair<double, double>>>()) {
    op.centre = {centre->first, centre->second};
  }
  op.expand = a.next<bool>();
  op.look = a.look();
  return op;
}

Op shift_of(OpArguments& a) {
  const auto [x, y] = a.next<std::pair<double, double>>();
  if (!(std::abs(x) <= 1 && std::abs(y) <= 1)) {
    throw py::value_error("a shift is by parts of the image's sides, in [-1, 1]");
  }
  return ShiftOp{x, y, a.look()};
}

Op perspective_of(OpArguments& a) {
  const double distortion = a.probability();
  const double probability = a.probability();
  return PerspectiveOp{distortion, probability, a.look()};
}

Op warp_of(OpArguments& a) {
  const auto values = a.next<std::array<double, 9>>();
  WarpOp op{};
  for (int i = 0; i < 9; ++i) op.forward.m[i / 3][i % 3] = values[static_cast<std::size_t>(i)];
  const int height = a.pixels();
  op.size = {height, a.pixels()};
  if (op.size.height < 0 || op.size.width < 0 || (op.size.height == 0) != (op.size.width == 0)) {
    throw py::value_error("a warp makes images of (height, width), each 1 or more, or 0 x 0 for the image's own");
  }
  op.look = a.look();
  return op;
}

Op zoom_out_of(OpArguments& a) {
  const double probability = a.probability();
  const auto side = a.range("side_range");
  if (side.first < 1) throw py::value_error("side_range must begin at 1 or more");
  return ZoomOutOp{probability, {side.first, side.second}, a.fill()};
}

Op scale_jitter_of(OpArguments& a) {
  const Size target = a.image_size();
  const auto scale = a.range("scale_range");
  return ScaleJitterOp{target, {scale.first, scale.second}, a.filter()};
}

Op shortest_size_of(OpArguments& a) {
  auto shorter = a.next<std::vector<int>>();
  const auto [least, most] = std::minmax_element(shorter.begin(), shorter.end());
  if (shorter.empty() || *least < 1 || *most > kLongestSide) {
    throw py::value_error("min_size must be one or more sizes, each 1 or more, and of a size that images have");
  }
  const int longest = a.pixels();
  return ShortestSizeOp{std::move(shorter), longest, a.filter()};
}

Op letter_box_of(OpArguments& a) {
  const Size size = a.image_size();
  const bool enlarge = a.next<bool>();
  const Filter filter = a.filter();
  return LetterBoxOp{size, enlarge, filter, a.fill()};
}

Op iou_crop_of(OpArguments& a) {
  const Range scale = a.from_zero("scale");
  const auto ratio = a.range("aspect ratio");
  auto overlaps = a.next<std::vector<double>>();
  if (overlaps.empty()) throw py::value_error("sampler_options must have at least one overlap");
  if (scale.high > 1) throw py::value_error("max_scale must be 1 or less");
  return IouCropOp{scale, {ratio.first, ratio.second}, std::move(overlaps), a.size("trials")};
}

Op elastic_of(OpArguments& a) {
  ElasticOp op{};
  op.probability = a.probability();
  op.alpha_x = a.next<double>();
  op.alpha_y = a.next<double>();
  op.sigma_x = a.next<double>();
  op.sigma_y = a.next<double>();
  if (!(op.sigma_x <= kMostSigma && op.sigma_y <= kMostSigma)) {
    throw py::value_error("sigma must be at most 4096 pixels");
  }
  op.look = a.look();
  return op;
}

Op grid_of(OpArguments& a) {
  const double probability = a.probability();
  const int steps = a.size("num_steps");
  if (steps > kMostCells) throw py::value_error("num_steps must be at most 65536");
  const Range limit = a.free_range("distort_limit");
  const WarpLook look = a.look();
  return GridOp{probability, steps, limit, look, a.next<bool>()};
}

struct PixelName {
  const char* name;
  PixelKind kind;
  std::size_t numbers;
};
constexpr PixelName kPixelNames[] = {{"brightness", PixelKind::kBrightness, 1},
                                     {"contrast", PixelKind::kContrast, 1},
                                     {"saturation", PixelKind::kSaturation, 1},
                                     {"hue", PixelKind::kHue, 1},
                                     {"hsv", PixelKind::kHsv, 3},
                                     {"linear", PixelKind::kLinear, 3},
                                     {"linear_of_mean", PixelKind::kLinearOfMean, 3},
                                     {"gamma", PixelKind::kGamma, 2},
                                     {"invert", PixelKind::kInvert, 0},
                                     {"posterize", PixelKind::kPosterize, 1},
                                     {"solarize", PixelKind::kSolarize, 1},
                                     {"autocontrast", PixelKind::kAutocontrast, 0},
                                     {"equalize", PixelKind::kEqualize, 0},
                                     {"clahe", PixelKind::kClahe, 3},
                                     {"sharpness", PixelKind::kSharpness, 1},
                                     {"gaussian_blur", PixelKind::kGaussianBlur, 3},
                                     {"motion_blur", PixelKind::kMotionBlur, 4},
                                     {"noise", PixelKind::kNoise, 2},
                                     {"jpeg", PixelKind::kJpeg, 1},
                                     {"permute_channels", PixelKind::kPermute, 1}};

// The greatest number i of a step whose time and memory grow with it.
double most_of(PixelKind kind, std::size_t i) {
  if (kind == PixelKind::kClahe && i > 0) return kMostTiles;
  if (kind == PixelKind::kGaussianBlur && i < 2) return kMostTaps;
  if (kind == PixelKind::kMotionBlur && i == 0) return kMostSquareTaps;
  return std::numeric_limits<double>::infinity();
}

PixelOp pixels_of(const PixelName& name, OpArguments& a) {
  PixelOp op{name.kind, a.probability(), {}};
  for (std::size_t i = 0; i < name.numbers; ++i) {
    const Range range = a.free_range(name.name);
    if (range.high > most_of(name.kind, i)) throw py::value_error(std::string(name.name) + " of too large a size");
    op.ranges[i] = {range.low, range.high};
  }
  return op;
}

Op erase_of(OpArguments& a) {
  const double probability = a.probability();
  const Range area = a.from_zero("scale");
  const auto ratio = a.range("ratio");
  const Fill fill = a.fill();
  return EraseOp{probability, {area.low, area.high}, {ratio.first, ratio.second}, fill, a.next<bool>()};
}

HoleSide hole_side_of(OpArguments& a, const char* what) {
  const Range length = a.from_zero(what);
  return {{length.low, length.high}, a.next<bool>()};
}

Op dropout_of(OpArguments& a) {
  const double probability = a.probability();
  const int least = a.next<int>();
  const int most = a.next<int>();
  if (least < 0 || most < least || most > kMostHoles) {
    throw py::value_error("the number of holes must be (least, most), 0 <= least <= most <= 1000000");
  }
  const HoleSide height = hole_side_of(a, "hole_height_range");
  const HoleSide width = hole_side_of(a, "hole_width_range");
  const Fill fill = a.fill();
  return DropoutOp{probability, least, most, height, width, fill, a.next<bool>()};
}

constexpr std::pair<const char*, Choice> kChoices[] = {{"all", Choice::kAll},
                                                       {"one", Choice::kOne},
                                                       {"shuffled", Choice::kShuffled},
                                                       {"some", Choice::kSome},
                                                       {"some_again", Choice::kSomeAgain}};

Op group_of(OpArguments& a) {
  auto group = std::make_shared<Group>();
  group->choice = named(kChoices, a.next<std::string>(), "a choice");
  group->probability = a.probability();
  group->weights = a.next<std::vector<double>>();
  group->least = a.next<int>();
  group->most = a.next<int>();
  for (const py::handle member : a.next<py::sequence>()) {
    group->members.push_back(steps_of(py::list(member.cast<py::sequence>())));
  }
  if (!group->weights.empty() && group->weights.size() != group->members.size()) {
    throw py::value_error("a group has as many weights as members, or none");
  }
  if (group->least < 0 || group->most < group->least) throw py::value_error("a group draws (least, most) members");
  return GroupOp{std::move(group)};
}

using Parser = Op (*)(OpArguments&);
constexpr std::pair<const char*, Parser> kParsers[] = {
    {"crop", crop_of},
    {"center_crop", [](OpArguments& a) -> Op { return CenterCropOp{a.image_size()}; }},
    {"random_crop", random_crop_of},
    {"random_resized_crop", random_resized_crop_of},
    {"resize", resize_of},
    {"resize_shorter", resize_shorter_of},
    {"resize_longer", resize_longer_of},
    {"fit", fit_of},
    {"flip_x", [](OpArguments& a) -> Op { return FlipOp{true, a.probability()}; }},
    {"flip_y", [](OpArguments& a) -> Op { return FlipOp{false, a.probability()}; }},
    {"pad", pad_of},
    {"grayscale", grayscale_of},
    {"affine", affine_of},
    {"shift", shift_of},
    {"perspective", perspective_of},
    {"warp", warp_of},
    {"rotate_90", [](OpArguments& a) -> Op { return Rotate90Op{a.probability()}; }},
    {"transpose", [](OpArguments& a) -> Op { return TransposeOp{a.probability()}; }},
    {"zoom_out", zoom_out_of},
    {"scale_jitter", scale_jitter_of},
    {"shortest_size", shortest_size_of},
    {"letter_box", letter_box_of},
    {"iou_crop", iou_crop_of},
    {"safe_crop", [](OpArguments& a) -> Op { return SafeCropOp{a.probability()}; }},
    {"elastic", elastic_of},
    {"grid_distortion", grid_of},
    {"erase", erase_of},
    {"dropout", dropout_of},
    {"group", group_of}};

Op op_of(const std::string& name, OpArguments& arguments) {
  for (const PixelName& known : kPixelNames) {
    if (name == known.name) return pixels_of(known, arguments);
  }
  return named(kParsers, name, "an op")(arguments);
}

}  // namespace

WarpLook look_of(const std::string& sampling, const py::object& fill) {
  OpArguments arguments(py::make_tuple(sampling, fill));
  return arguments.look();
}

std::vector<Step> steps_of(const py::list& ops) {
  std::vector<Step> steps;
  for (const py::handle entry : ops) {
    if (!py::isinstance<py::tuple>(entry)) {
      throw py::type_error("an op must be a tuple, got " + py::repr(entry).cast<std::string>());
    }
    OpArguments arguments(py::reinterpret_borrow<py::tuple>(entry));
    const auto stream = arguments.next<std::uint64_t>();
    steps.push_back({stream, op_of(arguments.next<std::string>(), arguments)});
    arguments.end();
  }
  return steps;
}

}  // namespace fastload
