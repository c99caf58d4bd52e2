// Where the pixels of an image come from, while it is cropped, padded, resized and warped: one map back to where they
// were at first, and the canvases on the way, outside of which there was nothing to be seen.
#pragma once

#include <vector>

#include "core/matrix3.h"
#include "kernels/warp.h"
#include "pipeline/ops.h"

namespace fastload {

class Frame {
 public:
  void reset(Size size);

  Size size() const noexcept { return size_; }
  const Matrix3& to_input() const noexcept { return to_input_; }
  const std::vector<Canvas>& canvases() const noexcept { return canvases_; }

  void crop(int top, int left, Size size);
  void flip(bool horizontal);
  void resize(Size size);
  void pad(const Margins& margins);
  void warp(const Matrix3& back, Size size);  // back: from what comes out to what is here now

 private:
  void keep_canvas();  // what lies outside of the image as it is now is not part of it
  void follow(const Matrix3& back, Size size);

  Size size_;
  Matrix3 to_input_;
  std::vector<Canvas> canvases_;
};

}  // namespace fastload
