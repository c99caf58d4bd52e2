// Copies that fill one batch: dense samples, boxes of strided samples, and boxes inside padding.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/tensor_view.h"

namespace fastload {

struct CopyJob {
  void* dst;
  const void* src;
  std::size_t nbytes;
};

constexpr int kBoxDims = 4;

// An n-dimensional box of runs: runs are dense on both sides, steps lead from one run to the next.
struct BoxJob {
  char* dst;
  const char* src;
  std::size_t run_bytes;
  int dims;  // outermost first; 0: a single run
  std::array<std::int64_t, kBoxDims> size;
  std::array<std::int64_t, kBoxDims> dst_step;  // bytes
  std::array<std::int64_t, kBoxDims> src_step;  // bytes
  // Before the copy, fill_bytes from dst on are filled with copies of the first fill_itemsize bytes of fill_value.
  std::size_t fill_bytes;
  std::size_t fill_itemsize;
  std::array<unsigned char, 16> fill_value;

  [[nodiscard]] std::size_t nbytes() const noexcept {
    std::size_t n = run_bytes;
    for (int d = 0; d < dims; ++d) n *= static_cast<std::size_t>(size[d]);
    return n;
  }
};

// The box that copies `src` to dst, where element i of dimension d goes to dst + i * dst_step[d] (bytes).
// False if it has more dimensions than a BoxJob can hold after joining those that are dense on both sides.
[[nodiscard]] bool make_box(const TensorView& src, void* dst, const std::int64_t* dst_step, BoxJob* job) noexcept;

void run_box(const BoxJob& job) noexcept;

// Everything that one batch still needs copied. Source and destination must stay alive until run() is through.
class CopyPlan {
 public:
  void add(void* dst, const void* src, std::size_t nbytes);
  void add(const BoxJob& job);
  [[nodiscard]] bool empty() const noexcept { return copies_.empty() && boxes_.empty(); }
  [[nodiscard]] std::size_t nbytes() const noexcept { return nbytes_; }

  // Where the plan ends now, and a way back to there: for a column that turns out to be something else.
  struct Mark {
    std::size_t copies, boxes, nbytes;
  };
  [[nodiscard]] Mark mark() const noexcept { return {copies_.size(), boxes_.size(), nbytes_}; }
  void rewind(const Mark& mark);

  void run();  // several threads if large; needs no GIL; leaves the plan empty

 private:
  void run_copies_between(std::size_t begin_byte, std::size_t end_byte) const noexcept;

  std::vector<CopyJob> copies_;
  std::vector<std::size_t> ends_;  // of each copy, counted in bytes from the first copy's begin
  std::vector<BoxJob> boxes_;
  std::size_t nbytes_ = 0;
};

}  // namespace fastload
