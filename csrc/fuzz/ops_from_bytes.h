// Steps of image programs out of any bytes, within the limits that the bindings keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>

#include "pipeline/ops.h"

namespace fastload {

// Numbers from the input; zeros when it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
  std::uint8_t next() { return at_ == end_ ? 0 : *at_++; }
  int in(int low, int high) { return low + next() % (high - low + 1); }
  double share() { return next() / 255.0; }
  double between(double low, double high) { return low + share() * (high - low); }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const std::uint8_t* rest() const { return at_; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

class OpMaker {
 public:
  explicit OpMaker(Bytes& bytes) : bytes_(bytes) {}

  Op next() {
    // All but meshes that are given, which come from Python alone, and shifts, which are warps of the plainest kind;
    // there are two flips.
    constexpr int kKinds = 29;
    switch (bytes_.next() % kKinds) {
      case 0: {
        const int top = bytes_.in(-9, 40);
        const int left = bytes_.in(-9, 40);
        return CropOp{top, left, size()};
      }
      case 1: return CenterCropOp{size()};
      case 2: return pad();
      case 3: {
        const Size wanted = size();
        const PadOp padding = pad();
        return RandomCropOp{wanted, padding, bytes_.in(0, 1) == 1};
      }
      case 4: {
        const Size wanted = size();
        const Range scale = range(0.01, 2), ratio = range(0.05, 4);
        return RandomResizedCropOp{wanted, scale.low, scale.high, ratio.low, ratio.high, filter()};
      }
      case 5: {
        const Size wanted = size();
        return ResizeOp{wanted, filter()};
      }
      case 6: {
        const int shorter = bytes_.in(1, 40);
        const int longest = bytes_.in(0, 60);
        return ResizeShorterOp{shorter, longest, filter()};
      }
      case 7: {
        const int longer = bytes_.in(1, 60);
        return ResizeLongerOp{longer, filter()};
      }
      case 8: return FlipOp{true, bytes_.share()};
      case 9: return FlipOp{false, bytes_.share()};
      case 10: return GrayscaleOp{bytes_.in(0, 1) == 0 ? 1 : 3};
      case 11: return affine();
      case 12: {
        const double distortion = bytes_.share(), probability = bytes_.share();
        return PerspectiveOp{distortion, probability, look()};
      }
      case 13: return warp();
      case 14: return Rotate90Op{bytes_.share()};
      case 15: return TransposeOp{bytes_.share()};
      case 16: {
        const double probability = bytes_.share();
        const Range side = may_grow() ? range(1, 4) : Range{1, 1};
        return ZoomOutOp{probability, side, fill()};
      }
      case 17: {
        const Size target = size();
        const Range scale = range(0.1, 2);
        return ScaleJitterOp{target, scale, filter()};
      }
      case 18: {
        const int one = bytes_.in(1, 40), other = bytes_.in(1, 40), longest = bytes_.in(0, 60);
        return ShortestSizeOp{{one, other}, longest, filter()};
      }
      case 19: {
        const Size wanted = size();
        const bool enlarge = bytes_.in(0, 1) == 1;
        const Filter by = filter();
        return LetterBoxOp{wanted, enlarge, by, fill()};
      }
      case 20: {
        const Range scale = range(0, 1), ratio = range(0.2, 3);
        return IouCropOp{scale, ratio, {bytes_.share(), bytes_.between(0, 1.2)}, bytes_.in(1, 10)};
      }
      case 22: {
        const double probability = bytes_.share();
        const double alpha_x = bytes_.between(-1e4, 1e4), alpha_y = bytes_.between(0, 100);
        const double sigma_x = bytes_.between(0, 30), sigma_y = bytes_.between(0, 3);
        return ElasticOp{probability, alpha_x, alpha_y, sigma_x, sigma_y, look()};
      }
      case 23: {
        const double probability = bytes_.share();
        const int steps = bytes_.in(1, 70);
        const Range limit = range(-2, 2);
        const WarpLook shown = look();
        return GridOp{probability, steps, limit, shown, bytes_.in(0, 1) == 0};
      }
      case 24: return pixels();
      case 25: {
        const double probability = bytes_.share();
        const Range area = range(0, 1.5), ratio = range(0.01, 30);
        const Fill colour = fill();
        return EraseOp{probability, {area.low, area.high}, {ratio.low, ratio.high}, colour, bytes_.in(0, 1) == 1};
      }
      case 26: return dropout();
      case 27: return group();
      case 28: {
        const int height = bytes_.in(0, 60);
        const Size limits{height, bytes_.in(height == 0 ? 1 : 0, 60)};
        const Filter growing = filter();
        return FitOp{limits, growing, filter()};
      }
      default: return SafeCropOp{bytes_.share()};
    }
  }

 private:
  // One step in a program: chains of those that multiply an image's size are nothing but slow.
  bool may_grow() { return grown_++ == 0; }

  Size size() {
    const int height = bytes_.in(1, 40);
    return {height, bytes_.in(1, 40)};
  }
  Fill fill() {
    const std::uint8_t level = bytes_.next();
    return {level, bytes_.next(), level, 255};
  }
  PadOp pad() {
    const int left = bytes_.in(-3, 9), top = bytes_.in(-3, 9), right = bytes_.in(-3, 9);
    const Margins margins{left, top, right, bytes_.in(-3, 9)};
    const Fill colour = fill();
    return {margins, colour, static_cast<PadMode>(bytes_.in(0, 3))};
  }
  Filter filter() {
    const int number = bytes_.next();
    return number == 255 ? Filter::kLinear : static_cast<Filter>(number % 6);
  }
  Range range(double low, double high) {
    const double one = bytes_.between(low, high);
    return {one, bytes_.between(one, high)};
  }
  WarpLook look() {
    const auto sampling = static_cast<Sampling>(bytes_.in(0, 2));
    return {sampling, fill()};
  }

  Op affine() {
    AffineOp op{};
    op.probability = bytes_.share();
    op.angle = range(-200, 200);
    op.translate_x = range(-1.5, 1.5);
    op.translate_y = range(-1.5, 1.5);
    op.scale = range(0.01, 2);
    op.shear_x = range(-70, 90);
    op.shear_y = range(-70, 90);
    if (bytes_.in(0, 1) == 1) op.centre = {bytes_.between(-20, 60), bytes_.between(-20, 60)};
    op.expand = bytes_.in(0, 1) == 1 && may_grow();
    if (op.expand) op.shear_x = op.shear_y = range(-40, 40);
    op.look = look();
    return op;
  }

  Op warp() {
    WarpOp op{};
    for (auto& row : op.forward.m) {
      for (double& value : row) value = bytes_.between(-2, 2);
    }
    op.forward.m[0][2] *= 20;
    op.forward.m[1][2] *= 20;
    op.forward.m[2][0] *= bytes_.in(0, 1) * 0.02;
    op.forward.m[2][1] *= bytes_.in(0, 1) * 0.02;
    op.forward.m[2][2] = 1;
    if (bytes_.in(0, 1) == 1) op.size = size();
    op.look = look();
    return op;
  }

  // Numbers from somewhat more than the range in which each of them makes sense.
  Op pixels() {
    constexpr int kKinds = static_cast<int>(PixelKind::kPermute) + 1;
    const auto kind = static_cast<PixelKind>(bytes_.in(0, kKinds - 1));
    PixelOp op{kind, bytes_.share(), {}};
    const double most = kind == PixelKind::kClahe || kind == PixelKind::kMotionBlur ? 20
                        : kind == PixelKind::kGaussianBlur                         ? 60
                        : bytes_.in(0, 1) == 1                                     ? 300
                                                                                   : 3;
    for (Interval& interval : op.ranges) {
      const Range drawn = range(kind == PixelKind::kGaussianBlur ? 0.1 : -most / 2, most);
      interval = {drawn.low, drawn.high};
    }
    if (kind == PixelKind::kClahe) op.ranges[1].low = op.ranges[2].low = 1;
    return op;
  }

  Op dropout() {
    const double probability = bytes_.share();
    const int least = bytes_.in(0, 5), most = least + bytes_.in(0, 5);
    const bool in_pixels = bytes_.in(0, 1) == 1;
    const Range height = range(0, in_pixels ? 50 : 1.5), width = range(0, in_pixels ? 50 : 1.5);
    const Fill colour = fill();
    return DropoutOp{probability, least,  most, {{height.low, height.high}, in_pixels}, {{width.low, width.high}, in_pixels},
                     colour, bytes_.in(0, 1) == 1};
  }

  Op group() {
    auto group = std::make_shared<Group>();
    group->choice = static_cast<Choice>(bytes_.in(0, 4));
    group->probability = bytes_.share();
    group->least = bytes_.in(0, 2);
    group->most = group->least + bytes_.in(0, 2);
    const int members = depth_ < kDeepest ? bytes_.in(0, 3) : 0;
    ++depth_;
    for (int i = 0; i < members; ++i) {
      std::vector<Step> steps;
      for (int left = bytes_.in(0, 2); left > 0; --left) steps.push_back({0, next()});
      group->members.push_back(std::move(steps));
    }
    --depth_;
    if (bytes_.in(0, 1) == 1) {
      for (int i = 0; i < members; ++i) group->weights.push_back(bytes_.in(0, 2));
    }
    return GroupOp{std::move(group)};
  }

  static constexpr int kDeepest = 2;

  Bytes& bytes_;
  int grown_ = 0;
  int depth_ = 0;
};

}  // namespace fastload
