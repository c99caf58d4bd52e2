// Crops, flips and borders of one axis, composed: which input position each output position shows.
#pragma once

#include <span>
#include <vector>

#include "kernels/finish.h"
#include "pipeline/ops.h"

namespace fastload {

class AxisMap {
 public:
  void reset(int size);
  int size() const noexcept { return runs_.back().begin + runs_.back().count; }
  bool is_range() const noexcept { return runs_.size() == 1 && !runs_[0].is_border(); }  // as crops and flips leave it
  bool is_reversed() const noexcept { return is_range() && runs_[0].reversed; }
  int begin() const noexcept { return runs_[0].first; }  // of a range
  // From the first output position to the last, at least one.
  std::span<const Run> runs() const noexcept { return runs_; }

  void crop(int start, int count);  // count: at least 1
  void flip();
  void pad(int before, int after, PadMode mode);

  // The input positions that are shown, at least one; from now on they count from the first of them.
  struct Span {
    int begin, end;
  };
  Span rebase();

 private:
  std::vector<Run> runs_{{0, 0, 0, false}};
};

}  // namespace fastload
