#include "pipeline/draw.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pipeline/drawing.h"

namespace fastload {
namespace {

constexpr int kTries = 10;  // torchvision's, before RandomResizedCrop takes the middle

Size padded(Size size, const Margins& margins) {
  return {size.height + margins.top + margins.bottom, size.width + margins.left + margins.right};
}

bool any(const Margins& margins) {
  return margins.left != 0 || margins.top != 0 || margins.right != 0 || margins.bottom != 0;
}

// Python's round(x / 2): halves go to the even neighbour.
int rounded_half(int value) { return static_cast<int>(std::nearbyint(value / 2.0)); }

Size shorter_to(Size size, int shorter, int longest) {
  const bool upright = size.width <= size.height;
  const int short_side = upright ? size.width : size.height;
  const int long_side = upright ? size.height : size.width;
  int new_short = shorter;
  int new_long = whole_pixels(static_cast<double>(std::int64_t{shorter} * long_side) / short_side);
  if (longest != 0 && new_long > longest) {
    new_short = static_cast<int>(static_cast<double>(std::int64_t{longest} * new_short) / new_long);
    new_long = longest;
  }
  return upright ? Size{new_long, new_short} : Size{new_short, new_long};
}

Size longer_to(Size size, int longer) {
  const bool upright = size.width <= size.height;
  const int short_side = upright ? size.width : size.height;
  const int long_side = upright ? size.height : size.width;
  const int new_short = whole_pixels(static_cast<double>(std::int64_t{longer} * short_side) / long_side);
  return upright ? Size{longer, new_short} : Size{new_short, longer};
}

Size fitted_to(Size size, Size limits) {
  double scale = std::numeric_limits<double>::infinity();
  if (limits.height != 0) scale = static_cast<double>(limits.height) / size.height;
  if (limits.width != 0) scale = std::min(scale, static_cast<double>(limits.width) / size.width);
  const auto side = [&](int pixels) { return std::max(1, whole_pixels(std::nearbyint(pixels * scale))); };
  return {side(size.height), side(size.width)};
}

struct Window {
  int top, left;
  Size size;
};

// The middle, as near to the wanted shapes as the image allows.
Window central_window(const RandomResizedCropOp& op, Size size) {
  const double ratio = static_cast<double>(size.width) / size.height;
  Size found = size;
  if (ratio < op.ratio_low) {
    found.height = std::clamp(whole_pixels(std::nearbyint(size.width / op.ratio_low)), 1, size.height);
  } else if (ratio > op.ratio_high) {
    found.width = std::clamp(whole_pixels(std::nearbyint(size.height * op.ratio_high)), 1, size.width);
  }
  return {(size.height - found.height) / 2, (size.width - found.width) / 2, found};
}

Window random_window(const RandomResizedCropOp& op, Size size, StepRandom& random) {
  const double area = static_cast<double>(size.height) * size.width;
  const double log_low = std::log(op.ratio_low);
  const double log_high = std::log(op.ratio_high);
  for (int i = 0; i < kTries; ++i) {
    const double target = area * random.uniform(op.scale_low, op.scale_high);
    const double ratio = std::exp(random.uniform(log_low, log_high));
    const double width = std::nearbyint(std::sqrt(target * ratio));
    const double height = std::nearbyint(std::sqrt(target / ratio));
    if (width >= 1 && width <= size.width && height >= 1 && height <= size.height) {
      const Size found{static_cast<int>(height), static_cast<int>(width)};
      const int top = random.below(size.height - found.height + 1);
      return {top, random.below(size.width - found.width + 1), found};
    }
  }
  return central_window(op, size);
}

}  // namespace

Status Drawing::operator()(const CropOp& op) {
  const Margins outside{std::max(0, -op.left), std::max(0, -op.top),
                        std::max(0, op.left + op.size.width - size_.width),
                        std::max(0, op.top + op.size.height - size_.height)};
  if (any(outside)) add_pad({outside, Fill{}, PadMode::kConstant});
  add_window({op.top + outside.top, op.left + outside.left, op.size});
  return {};
}

Status Drawing::operator()(const CenterCropOp& op) {
  const int lacking_width = std::max(0, op.size.width - size_.width);
  const int lacking_height = std::max(0, op.size.height - size_.height);
  const Margins margins{lacking_width / 2, lacking_height / 2, (lacking_width + 1) / 2, (lacking_height + 1) / 2};
  if (any(margins)) add_pad({margins, Fill{}, PadMode::kConstant});
  add_window({rounded_half(size_.height - op.size.height), rounded_half(size_.width - op.size.width), op.size});
  return {};
}

Status Drawing::operator()(const PadOp& op) {
  const Status status = check_pad(op);
  if (status.ok()) add_pad(op);
  return status;
}

Status Drawing::operator()(const RandomCropOp& op) {
  PadOp padding = op.padding;
  if (op.pad_if_needed) {
    const Size size = padded(size_, padding.margins);
    const int rows = std::max(0, op.size.height - size.height);
    const int columns = std::max(0, op.size.width - size.width);
    padding.margins.top += rows;
    padding.margins.bottom += rows;
    padding.margins.left += columns;
    padding.margins.right += columns;
  }
  if (any(padding.margins)) {
    Status status = check_pad(padding);
    if (!status.ok()) return status;
    add_pad(padding);
  }
  if (size_.height < op.size.height || size_.width < op.size.width) {
    return Status::of(Fault::kBadArgument, "a crop of %d x %d (height x width) does not fit into %d x %d, padding "
                      "included; pass pad_if_needed=True or a smaller size",
                      op.size.height, op.size.width, size_.height, size_.width);
  }
  const int top = random_.below(size_.height - op.size.height + 1);
  add_window({top, random_.below(size_.width - op.size.width + 1), op.size});
  return {};
}

Status Drawing::operator()(const RandomResizedCropOp& op) {
  const Window window = random_window(op, size_, random_);
  add_window({window.top, window.left, window.size});
  return add_resize(op.size, op.filter);
}

Status Drawing::operator()(const ResizeOp& op) { return add_resize(op.size, op.filter); }
Status Drawing::operator()(const ResizeShorterOp& op) {
  return add_resize(shorter_to(size_, op.shorter, op.longest), op.filter);
}
Status Drawing::operator()(const ResizeLongerOp& op) { return add_resize(longer_to(size_, op.longer), op.filter); }

Status Drawing::operator()(const FitOp& op) {
  const Size size = fitted_to(size_, op.limits);
  const bool shrinks = size.height < size_.height || size.width < size_.width;
  return add_resize(size, shrinks ? op.shrinking : op.filter);
}

Status Drawing::operator()(const FlipOp& op) {
  if (random_.uniform() < op.probability) moves_.push_back(FlipMove{op.horizontal});
  return {};
}

Status Drawing::operator()(const GrayscaleOp& op) {
  moves_.push_back(GreyMove{op.channels});
  return {};
}

Status Drawing::check_pad(const PadOp& op) const {
  const Margins& m = op.margins;
  const Margins less{std::min(0, m.left), std::min(0, m.top), std::min(0, m.right), std::min(0, m.bottom)};
  const Size kept = padded(size_, less);  // negative margins take away first
  if (kept.height < 1 || kept.width < 1) {
    return Status::of(Fault::kBadArgument, "margins of %d, %d, %d, %d leave nothing of %d x %d (height x width)",
                      m.left, m.top, m.right, m.bottom, size_.height, size_.width);
  }
  const int most = op.mode == PadMode::kReflect ? 1 : 0;  // reflecting leaves the border row itself out
  const bool reflects = op.mode == PadMode::kReflect || op.mode == PadMode::kSymmetric;
  if (reflects && (std::max(m.left, m.right) > kept.width - most || std::max(m.top, m.bottom) > kept.height - most)) {
    return Status::of(Fault::kBadArgument, "margins of %d, %d, %d, %d (left, top, right, bottom) cannot be reflected "
                      "from %d x %d (height x width)", m.left, m.top, m.right, m.bottom, kept.height, kept.width);
  }
  return {};
}

// A negative margin takes away.
void Drawing::add_pad(const PadOp& op) {
  const Margins& m = op.margins;
  const Margins more{std::max(0, m.left), std::max(0, m.top), std::max(0, m.right), std::max(0, m.bottom)};
  const Margins less{std::max(0, -m.left), std::max(0, -m.top), std::max(0, -m.right), std::max(0, -m.bottom)};
  if (any(less)) {
    add_window({less.top, less.left,
                {size_.height - less.top - less.bottom, size_.width - less.left - less.right}});
  }
  if (any(more)) moves_.push_back(PadMove{more, op.fill, op.mode});
  size_ = padded(size_, more);
}

void Drawing::add_window(const WindowMove& move) {
  if (move.size == size_) return;
  moves_.push_back(move);
  size_ = move.size;
}

Status Drawing::add_resize(Size size, Filter filter) {
  if (size.height < 1 || size.width < 1) {
    return Status::of(Fault::kBadArgument, "an image of %d x %d (height x width) would be resized to %d x %d",
                      size_.height, size_.width, size.height, size.width);
  }
  if (size == size_) return {};
  moves_.push_back(ResizeMove{size, filter});
  size_ = size;
  return {};
}

namespace {

Status check_size(Size before, Size made) {
  if (std::int64_t{made.height} * made.width <= kMostPixels) return {};
  return Status::of(Fault::kBadArgument, "%d x %d pixels (height x width) would become %d x %d; an image may have %lld in all",
                    before.height, before.width, made.height, made.width, static_cast<long long>(kMostPixels));
}

Status draw_group(const Group& group, std::uint64_t stream, std::uint64_t key, Size* size, Targets* targets,
                  std::vector<Move>* moves) {
  int turn = 0;
  for (const int member : drawn_members(group, key, stream)) {
    int number = 0;
    for (const Step& step : group.members[static_cast<std::size_t>(member)]) {
      const Status status = draw({member_stream(stream, turn, number++), step.op}, key, size, targets, moves);
      if (!status.ok()) return status;
    }
    ++turn;
  }
  return {};
}

}  // namespace

Status draw(const Step& step, std::uint64_t key, Size* size, Targets* targets, std::vector<Move>* moves) {
  if (const auto* op = std::get_if<GroupOp>(&step.op)) {
    return draw_group(*op->group, step.stream, key, size, targets, moves);
  }
  static const std::vector<Box> none;
  Size before = *size;
  const std::size_t first = moves->size();
  Drawing drawing(StepRandom(key, step.stream), size, targets == nullptr ? none : targets->boxes(), moves);
  Status status = std::visit(drawing, step.op);
  if (status.ok() && *size != before) status = check_size(before, *size);
  if (!status.ok() || targets == nullptr) return status;
  for (std::size_t i = first; i < moves->size(); ++i) {
    targets->follow((*moves)[i], before);
    before = size_after((*moves)[i], before);
  }
  return status;
}

Size size_after(const Move& move, Size before) {
  struct After {
    Size before;
    Size operator()(const PadMove& m) const { return padded(before, m.margins); }
    Size operator()(const WindowMove& m) const { return m.size; }
    Size operator()(const ResizeMove& m) const { return m.size; }
    Size operator()(const FlipMove&) const { return before; }
    Size operator()(const GreyMove&) const { return before; }
    Size operator()(const WarpMove& m) const { return m.size; }
    Size operator()(const MeshMove& m) const { return m.mesh->size; }
    Size operator()(const CentreMove&) const { return before; }
    Size operator()(const PixelMove&) const { return before; }
    Size operator()(const EraseMove&) const { return before; }
  };
  return std::visit(After{before}, move);
}

namespace {

// Known only if every member leaves the size as it is, or all of them that may run make it the same.
std::optional<Size> after_group(const Group& group, std::optional<Size> before) {
  const bool runs_once = group.choice == Choice::kOne && group.probability == 1;
  std::optional<Size> found = runs_once ? std::nullopt : before;
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    std::optional<Size> size = before;
    for (const Step& step : group.members[i]) size = size_after(step.op, size);
    if (!size) return std::nullopt;
    if (i == 0 && runs_once) found = size;
    if (size != found) return std::nullopt;
  }
  return found;
}

}  // namespace

std::optional<Size> size_after(const Op& op, std::optional<Size> before) {
  struct After {
    std::optional<Size> before;
    std::optional<Size> operator()(const CropOp& crop) const { return crop.size; }
    std::optional<Size> operator()(const CenterCropOp& crop) const { return crop.size; }
    std::optional<Size> operator()(const RandomCropOp& crop) const { return crop.size; }
    std::optional<Size> operator()(const RandomResizedCropOp& crop) const { return crop.size; }
    std::optional<Size> operator()(const ResizeOp& resize) const { return resize.size; }
    std::optional<Size> operator()(const ResizeShorterOp& resize) const {
      return before ? std::optional(shorter_to(*before, resize.shorter, resize.longest)) : std::nullopt;
    }
    std::optional<Size> operator()(const ResizeLongerOp& resize) const {
      return before ? std::optional(longer_to(*before, resize.longer)) : std::nullopt;
    }
    std::optional<Size> operator()(const FitOp& fit) const {
      return before ? std::optional(fitted_to(*before, fit.limits)) : std::nullopt;
    }
    std::optional<Size> operator()(const PadOp& pad) const {
      return before ? std::optional(padded(*before, pad.margins)) : std::nullopt;
    }
    std::optional<Size> operator()(const FlipOp&) const { return before; }
    std::optional<Size> operator()(const GrayscaleOp&) const { return before; }
    std::optional<Size> operator()(const AffineOp& op) const { return op.expand ? std::nullopt : before; }
    std::optional<Size> operator()(const ShiftOp&) const { return before; }
    std::optional<Size> operator()(const PerspectiveOp&) const { return before; }
    std::optional<Size> operator()(const WarpOp& op) const { return op.size.height == 0 ? before : op.size; }
    std::optional<Size> turned(double probability) const {
      const bool square = before && before->height == before->width;
      return square || probability == 0 ? before : std::nullopt;
    }
    std::optional<Size> operator()(const Rotate90Op& op) const { return turned(op.probability); }
    std::optional<Size> operator()(const TransposeOp& op) const { return turned(op.probability); }
    std::optional<Size> operator()(const ZoomOutOp&) const { return std::nullopt; }
    std::optional<Size> operator()(const ScaleJitterOp&) const { return std::nullopt; }
    std::optional<Size> operator()(const ShortestSizeOp&) const { return std::nullopt; }
    std::optional<Size> operator()(const LetterBoxOp& op) const { return op.size; }
    std::optional<Size> operator()(const IouCropOp&) const { return std::nullopt; }
    std::optional<Size> operator()(const SafeCropOp&) const { return std::nullopt; }
    std::optional<Size> operator()(const RemapOp& op) const { return op.mesh->size; }
    std::optional<Size> operator()(const ElasticOp&) const { return before; }
    std::optional<Size> operator()(const GridOp&) const { return before; }
    std::optional<Size> operator()(const PixelOp&) const { return before; }
    std::optional<Size> operator()(const EraseOp&) const { return before; }
    std::optional<Size> operator()(const DropoutOp&) const { return before; }
    std::optional<Size> operator()(const GroupOp& op) const { return after_group(*op.group, before); }
  };
  return std::visit(After{before}, op);
}

}  // namespace fastload
