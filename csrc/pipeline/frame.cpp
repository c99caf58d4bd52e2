#include "pipeline/frame.h"

namespace fastload {

void Frame::reset(Size size) {
  size_ = size;
  to_input_ = Matrix3{};
  canvases_.clear();
}

void Frame::keep_canvas() {
  canvases_.push_back({Matrix3{}, static_cast<double>(size_.width), static_cast<double>(size_.height)});
}

void Frame::follow(const Matrix3& back, Size size) {
  to_input_ = to_input_ * back;
  for (Canvas& canvas : canvases_) canvas.from_out = canvas.from_out * back;
  size_ = size;
}

void Frame::crop(int top, int left, Size size) { follow(Matrix3::translation(left, top), size); }

void Frame::flip(bool horizontal) {
  const Matrix3 back = horizontal ? Matrix3{{{-1, 0, double(size_.width)}, {0, 1, 0}, {0, 0, 1}}}
                                  : Matrix3{{{1, 0, 0}, {0, -1, double(size_.height)}, {0, 0, 1}}};
  follow(back, size_);
}

void Frame::resize(Size size) {
  follow(Matrix3::scaling(static_cast<double>(size_.width) / size.width, static_cast<double>(size_.height) / size.height),
         size);
}

void Frame::pad(const Margins& m) {
  keep_canvas();
  follow(Matrix3::translation(-m.left, -m.top), {size_.height + m.top + m.bottom, size_.width + m.left + m.right});
}

void Frame::warp(const Matrix3& back, Size size) {
  keep_canvas();
  follow(back, size);
}

}  // namespace fastload
