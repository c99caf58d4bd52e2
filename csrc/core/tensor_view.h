// What a kernel needs to know of a tensor or an array: where, how large, how spaced, of what. No Python, no torch.
#pragma once

#include <cstdint>

namespace fastload {

// Kinds of numbers, numbered as DLPack does (its published ABI, version 1).
enum class Kind : std::uint8_t { kInt = 0, kUint = 1, kFloat = 2, kBfloat = 4, kComplex = 5, kBool = 6 };

struct DType {
  Kind kind;
  std::uint8_t bits;
  std::uint16_t lanes;
  friend bool operator==(const DType&, const DType&) = default;
};

constexpr int kMaxDims = 64;  // NumPy's limit

// Does not own anything: the object it was read from keeps data, shape and strides alive.
struct TensorView {
  void* data;
  int ndim;
  const std::int64_t* shape;
  const std::int64_t* strides;  // in elements
  DType dtype;
  std::int64_t itemsize;  // bytes

  [[nodiscard]] std::int64_t numel() const noexcept {
    std::int64_t n = 1;
    for (int d = 0; d < ndim; ++d) n *= shape[d];
    return n;
  }
  [[nodiscard]] std::int64_t nbytes() const noexcept { return numel() * itemsize; }

  // Whether the elements lie densely in row-major order (strides of dimensions of size 1 do not matter).
  [[nodiscard]] bool is_contiguous() const noexcept {
    std::int64_t expected = 1;
    for (int d = ndim - 1; d >= 0; --d) {
      if (shape[d] != 1) {
        if (strides[d] != expected) return numel() == 0;
        expected *= shape[d];
      }
    }
    return true;
  }

  // Whether every stride, those of dimensions of size 1 included, is what a fresh tensor of this shape has.
  [[nodiscard]] bool has_default_strides() const noexcept {
    std::int64_t expected = 1;
    for (int d = ndim - 1; d >= 0; --d) {
      if (strides[d] != expected) return false;
      expected *= shape[d] > 1 ? shape[d] : 1;
    }
    return true;
  }

  [[nodiscard]] bool same_shape(const TensorView& other) const noexcept {
    if (ndim != other.ndim) return false;
    for (int d = 0; d < ndim; ++d) {
      if (shape[d] != other.shape[d]) return false;
    }
    return true;
  }
};

// Room for the dimensions of objects that do not store them as TensorView wants them.
struct ViewScratch {
  std::int64_t shape[kMaxDims];
  std::int64_t strides[kMaxDims];
};

}  // namespace fastload
