// Steps that change colours: which numbers, which holes.
#include <algorithm>
#include <cmath>

#include "pipeline/drawing.h"

namespace fastload {
namespace {

constexpr int kTries = 10;  // torchvision's, before RandomErasing leaves the image alone

}  // namespace

Status Drawing::operator()(const PixelOp& op) {
  if (!happens(op.probability)) return {};
  PixelMove move{op.kind, {}, 0};
  for (std::size_t i = 0; i < kPixelValues; ++i) move.values[i] = random_.uniform(op.ranges[i].low, op.ranges[i].high);
  move.key = random_.word();
  moves_.push_back(move);
  return {};
}

Status Drawing::operator()(const EraseOp& op) {
  if (!happens(op.probability)) return {};
  const double area = static_cast<double>(size_.height) * size_.width;
  for (int i = 0; i < kTries; ++i) {
    const double wanted = area * random_.uniform(op.area.low, op.area.high);
    const double ratio = std::exp(random_.uniform(std::log(op.ratio.low), std::log(op.ratio.high)));
    const int height = whole_pixels(std::nearbyint(std::sqrt(wanted * ratio)));
    const int width = whole_pixels(std::nearbyint(std::sqrt(wanted / ratio)));
    if (height >= size_.height || width >= size_.width) continue;
    if (height < 1 || width < 1) return {};  // as in torchvision, this too is a rectangle
    const int top = random_.below(size_.height - height + 1);
    moves_.push_back(EraseMove{{{random_.below(size_.width - width + 1), top, width, height}}, op.fill, op.noise, random_.word()});
    return {};
  }
  return {};
}

Status Drawing::operator()(const DropoutOp& op) {
  if (!happens(op.probability)) return {};
  EraseMove move{{}, op.fill, op.noise, 0};
  const int count = op.least + random_.below(op.most - op.least + 1);
  for (int i = 0; i < count; ++i) {
    const auto side = [&](const HoleSide& wanted, int of) {
      const auto [low, high] = wanted.length;
      if (!wanted.in_pixels) return std::min(whole_pixels(random_.uniform(low, high) * of + kRounding), of);
      const int most = std::min(whole_pixels(high), of), least = std::min(whole_pixels(low), most);
      return least + random_.below(most - least + 1);
    };
    const int height = side(op.height, size_.height), width = side(op.width, size_.width);
    const int top = random_.below(size_.height - height + 1);
    const int left = random_.below(size_.width - width + 1);
    if (height > 0 && width > 0) move.holes.push_back({left, top, width, height});
  }
  move.key = random_.word();
  moves_.push_back(std::move(move));
  return {};
}

}  // namespace fastload
