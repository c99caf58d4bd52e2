// What gathering reads from Python: tables of rows and arrays of row numbers, checked.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "kernels/gather.h"

namespace fastload {

// A C-contiguous buffer of 64-bit integers, held while this lives.
class Integers {
 public:
  Integers(pybind11::handle object, const char* name);
  Integers(const Integers&) = delete;
  Integers& operator=(const Integers&) = delete;
  ~Integers();

  const std::int64_t* data() const { return static_cast<const std::int64_t*>(view_.buf); }
  std::size_t size() const { return static_cast<std::size_t>(view_.len) / sizeof(std::int64_t); }

 private:
  Py_buffer view_;
};

// A checked job and the arrays it points into. The tables are the caller's to keep.
struct GatherArgs {
  GatherJob job;
  std::unique_ptr<Integers> indices;
  std::unique_ptr<Integers> positions;
};

// source, out: a torch.Tensor or numpy.ndarray of dense rows; positions may be None. Throws IndexError for a row
// number out of range, ValueError and TypeError for what does not fit.
GatherArgs gather_args(pybind11::handle source, pybind11::handle indices, pybind11::handle out,
                       pybind11::handle positions);

}  // namespace fastload
