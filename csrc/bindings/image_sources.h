// Image sources that keep what they look at.
#pragma once

#include <pybind11/numpy.h>

#include <utility>

#include "pipeline/image_source.h"

namespace fastload {

using PyImageFiles = ImageFiles;

class PyImageArrays : public ImageArrays {
 public:
  PyImageArrays(ImageView first, std::ptrdiff_t stride, std::int64_t count, pybind11::array keep)
      : ImageArrays(first, stride, count), keep_(std::move(keep)) {}

 private:
  pybind11::array keep_;
};

}  // namespace fastload
