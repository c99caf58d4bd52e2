// Crops, flips and borders of one axis, composed: which input position each output position shows.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/finish.h"
#include "pipeline/ops.h"

namespace fastload {

class AxisMap {
 public:
  static constexpr std::int32_t kFill = Run::kBorder;  // an output position that shows the border's colour

  void reset(int size);
  int size() const noexcept { return is_range_ ? count_ : static_cast<int>(map_.size()); }
  bool is_range() const noexcept { return is_range_; }  // crops and flips only
  bool is_reversed() const noexcept { return is_range_ && reversed_; }
  int begin() const noexcept { return begin_; }  // of a range
  const std::int32_t* map() const noexcept { return is_range_ ? nullptr : map_.data(); }
  std::int32_t at(int output) const noexcept {
    if (!is_range_) return map_[static_cast<std::size_t>(output)];
    return begin_ + (reversed_ ? count_ - 1 - output : output);
  }
  std::vector<Run> runs() const;

  void crop(int start, int count);
  void flip();
  void pad(int before, int after, PadMode mode);

  // The input positions that are shown, at least one; from now on they count from the first of them.
  struct Span {
    int begin, end;
  };
  Span rebase();

 private:
  bool is_range_ = true;
  bool reversed_ = false;
  int begin_ = 0;
  int count_ = 0;
  std::vector<std::int32_t> map_;
};

}  // namespace fastload
