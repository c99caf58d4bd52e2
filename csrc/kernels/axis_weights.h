// Pillow's resampling filters, and which inputs an output is made of by them: to a weight of 1 / 2^bits().
//
// Filters without negative weights use 16-bit weights, which vector instructions multiply four times as fast. Bicubic
// and Lanczos keep Pillow's 32 bits: what the first pass rounds otherwise they would make larger in the second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fastload {

enum class Filter : std::uint8_t {
  kNearest,
  kBox,
  kBilinear,
  kHamming,
  kBicubic,
  kLanczos,
  kLinear,  // bilinear without antialiasing: between two inputs, however many an output covers
};

// How the outputs of one axis are made of its inputs. Keeps its memory from one axis to the next, and what it holds if the
// next one is the same.
class AxisWeights {
 public:
  // The axis has in_size pixels, of which [from, to) is stretched or shrunk to full_size outputs; only the outputs
  // begin <= o < end are wanted. 0 <= from < to <= in_size; 0 <= begin < end <= full_size. Inputs outside of
  // [0, in_size) do not take part, as at the border of a Pillow image.
  void make(Filter filter, int in_size, double from, double to, int full_size, int begin, int end);

  int outputs() const noexcept { return static_cast<int>(first_.size()); }
  // The inputs that are used at all: first_input() <= i < end_input().
  int first_input() const noexcept { return first_input_; }
  int end_input() const noexcept { return end_input_; }
  // Makes the first input that is used number 0; for sources that give just those.
  void rebase() noexcept;

  // Whether every output is one input, first(o).
  bool copies() const noexcept { return copies_; }
  bool is_wide() const noexcept { return wide_; }  // 32-bit weights, else 16-bit
  int first(int o) const noexcept { return first_[static_cast<std::size_t>(o)]; }
  int taps() const noexcept { return taps_; }      // the inputs of an output, from first(o) on; some may weigh 0
  int stride() const noexcept { return stride_; }  // weights from one output to the next: zeros follow the last ones
  const std::int16_t* narrow(int o) const noexcept { return narrow_.data() + std::ptrdiff_t{o} * stride_; }
  const std::int32_t* wide(int o) const noexcept { return wide_weights_.data() + std::ptrdiff_t{o} * stride_; }
  int bits() const noexcept { return bits_; }  // a weight of 1 is 1 << bits()

 private:
  struct Axis {
    Filter filter;
    int in_size;
    double from, to;
    int full_size, begin, end;
    bool operator==(const Axis&) const = default;
  };

  void make_anew(const Axis& axis);
  void shift(int inputs) noexcept;
  template <class Kernel>
  void fill(Kernel kernel, const Axis& axis, double stretch);
  void copy(int in_size, double from, double scale, int begin, int end);
  template <class Weight>
  void keep_inside(int o, Weight* all);
  void quantise(int o, const double* weights, int count, double sum);

  std::optional<Axis> made_;  // what is there, in full
  int rebased_ = 0;           // inputs that have been left out before the first one
  std::vector<int> first_;
  std::vector<std::int16_t> narrow_;
  std::vector<std::int32_t> wide_weights_;
  std::vector<double> exact_;
  int taps_ = 0, stride_ = 0, bits_ = 0;
  int first_input_ = 0, end_input_ = 0;
  bool copies_ = false, wide_ = false;
};

}  // namespace fastload
