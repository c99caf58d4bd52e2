#include "pipeline/axis_map.h"

#include <algorithm>
#include <cstdlib>

namespace fastload {
namespace {

// The position that a border of `mode` shows at `position` of an axis of `size`, outside of [0, size).
int mirrored(int position, int size, PadMode mode) {
  const int beyond = position < 0 ? -position : position - size + 1;  // 1 next to the border
  const int back = mode == PadMode::kEdge ? 0 : mode == PadMode::kReflect ? beyond : beyond - 1;
  return position < 0 ? back : size - 1 - back;
}

}  // namespace

void AxisMap::reset(int size) {
  is_range_ = true;
  reversed_ = false;
  begin_ = 0;
  count_ = size;
}

void AxisMap::crop(int start, int count) {
  if (!is_range_) {
    map_.erase(map_.begin(), map_.begin() + start);
    map_.resize(static_cast<std::size_t>(count));
    return;
  }
  begin_ += reversed_ ? count_ - start - count : start;
  count_ = count;
}

void AxisMap::flip() {
  if (is_range_) {
    reversed_ = !reversed_;
  } else {
    std::reverse(map_.begin(), map_.end());
  }
}

void AxisMap::pad(int before, int after, PadMode mode) {
  const int size = this->size();
  if (is_range_) {
    map_.resize(static_cast<std::size_t>(size));
    for (int i = 0; i < size; ++i) map_[static_cast<std::size_t>(i)] = at(i);
    is_range_ = false;
  }
  std::vector<std::int32_t> padded(static_cast<std::size_t>(before + size + after), kFill);
  std::copy(map_.begin(), map_.end(), padded.begin() + before);
  if (mode != PadMode::kConstant) {
    for (int i = 0; i < before; ++i) {
      padded[static_cast<std::size_t>(i)] = map_[static_cast<std::size_t>(mirrored(i - before, size, mode))];
    }
    for (int i = size; i < size + after; ++i) {
      padded[static_cast<std::size_t>(before + i)] = map_[static_cast<std::size_t>(mirrored(i, size, mode))];
    }
  }
  map_.swap(padded);
}

std::vector<Run> AxisMap::runs() const {
  if (is_range_) return {{0, count_, begin_, reversed_}};
  std::vector<Run> runs;
  const int size = this->size();
  for (int begin = 0, end; begin < size; begin = end) {
    const bool is_border = at(begin) == kFill;
    const auto is_like = [&](int i) { return i < size && (at(i) == kFill) == is_border; };
    const int step = is_border || !is_like(begin + 1) ? 0 : at(begin + 1) - at(begin);
    end = begin + 1;
    while ((is_border || std::abs(step) == 1) && is_like(end) && at(end) == at(end - 1) + step) ++end;
    runs.push_back({begin, end - begin, std::min(at(begin), at(end - 1)), step < 0});
  }
  return runs;
}

AxisMap::Span AxisMap::rebase() {
  if (is_range_) {
    const Span span{begin_, begin_ + count_};
    begin_ = 0;
    return span;
  }
  Span span{-1, -1};
  for (const std::int32_t position : map_) {
    if (position == kFill) continue;
    span.begin = span.begin < 0 ? position : std::min<int>(span.begin, position);
    span.end = std::max<int>(span.end, position + 1);
  }
  if (span.begin < 0) return {0, 1};  // nothing but border
  for (std::int32_t& position : map_) {
    if (position != kFill) position -= span.begin;
  }
  return span;
}

}  // namespace fastload
