// Pillow's rules (Resample.c, precompute_coeffs): which inputs an output is made of, and with which weights.
#include "kernels/axis_weights.h"

#include <algorithm>
#include <cmath>

namespace fastload {
namespace {

constexpr int kWideBits = 22;      // Pillow's
constexpr int kNarrowBits = 14;    // for weights of up to 1: more where shrinking makes all of them smaller
constexpr int kMostNarrowBits = 20;
constexpr int kTapsAtOnce = 8;     // the kernels read whole groups of weights

struct Box {
  static constexpr double kSupport = 0.5;
  double operator()(double x) const noexcept { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }
};
struct Triangle {
  static constexpr double kSupport = 1.0;
  double operator()(double x) const noexcept { return std::max(0.0, 1.0 - std::fabs(x)); }
};
struct Hamming {
  static constexpr double kSupport = 1.0;
  double operator()(double x) const noexcept {
    x = std::fabs(x);
    if (x == 0.0) return 1.0;
    if (x >= 1.0) return 0.0;
    x *= M_PI;
    return std::sin(x) / x * (0.54 + 0.46 * std::cos(x));
  }
};
struct Cubic {
  static constexpr double kSupport = 2.0;
  double operator()(double x) const noexcept {
    constexpr double a = -0.5;
    x = std::fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
  }
};
struct Lanczos {
  static constexpr double kSupport = 3.0;
  static double sinc(double x) noexcept { return x == 0.0 ? 1.0 : std::sin(x * M_PI) / (x * M_PI); }
  double operator()(double x) const noexcept { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0; }
};

}  // namespace

void AxisWeights::make(Filter filter, int in_size, double from, double to, int full_size, int begin, int end) {
  const Axis axis{filter, in_size, from, to, full_size, begin, end};
  if (made_ == axis) {
    shift(rebased_);
  } else {
    made_.reset();
    make_anew(axis);
    made_ = axis;
  }
  rebased_ = 0;
}

void AxisWeights::make_anew(const Axis& axis) {
  const auto& [filter, in_size, from, to, full_size, begin, end] = axis;
  const double scale = (to - from) / full_size;
  first_.resize(static_cast<std::size_t>(end - begin));
  const bool is_identity = full_size == in_size && from == 0.0 && to == in_size;  // Pillow leaves such a pass out
  if (filter == Filter::kNearest || is_identity) return copy(in_size, from, scale, begin, end);
  const double stretch = std::max(scale, 1.0);  // a filter reaches as far as what an output covers
  switch (filter) {
    case Filter::kNearest: break;
    case Filter::kBox: return fill(Box(), axis, stretch);
    case Filter::kBilinear: return fill(Triangle(), axis, stretch);
    case Filter::kHamming: return fill(Hamming(), axis, stretch);
    case Filter::kBicubic: return fill(Cubic(), axis, stretch);
    case Filter::kLanczos: return fill(Lanczos(), axis, stretch);
    case Filter::kLinear: return fill(Triangle(), axis, 1.0);
  }
}

// Pillow walks along the axis, and so must this: a sum and a product round differently.
void AxisWeights::copy(int in_size, double from, double scale, int begin, int end) {
  copies_ = true;
  wide_ = false;
  taps_ = 1;
  double at = from + scale * 0.5;
  for (int o = 0; o < begin; ++o) at += scale;
  for (int o = begin; o < end; ++o, at += scale) {
    first_[static_cast<std::size_t>(o - begin)] = std::clamp(static_cast<int>(at), 0, in_size - 1);
  }
  first_input_ = first_.front();
  end_input_ = first_.back() + 1;
}

template <class Kernel>
void AxisWeights::fill(Kernel kernel, const Axis& axis, double stretch) {
  const auto& [filter, in_size, from, to, full_size, begin, end] = axis;
  const double scale = (to - from) / full_size;
  copies_ = false;
  wide_ = Kernel::kSupport > 1.0;
  const double support = Kernel::kSupport * stretch;
  const double step = 1.0 / stretch;
  taps_ = static_cast<int>(std::ceil(support)) * 2 + 1;
  stride_ = (taps_ + kTapsAtOnce - 1) / kTapsAtOnce * kTapsAtOnce;
  const auto outputs = static_cast<std::size_t>(end - begin);
  const auto weights = outputs * static_cast<std::size_t>(stride_);
  bits_ = wide_ ? kWideBits : std::min(kMostNarrowBits, kNarrowBits + static_cast<int>(std::log2(stretch)));
  if (wide_) {
    wide_weights_.assign(weights, 0);
  } else {
    narrow_.assign(weights, 0);
  }
  exact_.resize(static_cast<std::size_t>(taps_));
  int used_from = in_size;
  int used_to = 0;
  int most = 0;
  for (int o = begin; o < end; ++o) {
    const double center = from + (o + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(center - support + 0.5));
    const int high = std::min(in_size, static_cast<int>(center + support + 0.5));
    double sum = 0.0;
    for (int i = low; i < high; ++i) {
      const double weight = kernel((i - center + 0.5) * step);
      exact_[static_cast<std::size_t>(i - low)] = weight;
      sum += weight;
    }
    first_[static_cast<std::size_t>(o - begin)] = low;
    used_from = std::min(used_from, low);
    used_to = std::max(used_to, high);
    most = std::max(most, high - low);
    quantise(o - begin, exact_.data(), high - low, sum);
  }
  first_input_ = used_from;
  end_input_ = used_to;
  taps_ = most;
  for (int o = 0; o < end - begin; ++o) {
    wide_ ? keep_inside(o, wide_weights_.data()) : keep_inside(o, narrow_.data());
  }
}

// Outputs at the end of the axis have fewer inputs than taps: theirs are the last taps, behind weights of 0, so that
// nothing is read beyond the end.
template <class Weight>
void AxisWeights::keep_inside(int o, Weight* all) {
  int& first = first_[static_cast<std::size_t>(o)];
  const int beyond = first + taps_ - end_input_;
  if (beyond <= 0) return;
  Weight* weights = all + std::ptrdiff_t{o} * stride_;
  std::copy_backward(weights, weights + taps_ - beyond, weights + taps_);
  std::fill(weights, weights + beyond, Weight{0});
  first -= beyond;
}

void AxisWeights::quantise(int o, const double* weights, int count, double sum) {
  const double one = static_cast<double>(1 << bits_) / (sum != 0.0 ? sum : 1.0);
  if (!wide_) {
    std::int16_t* out = narrow_.data() + std::ptrdiff_t{o} * stride_;
    // Of thousands of inputs, what rounding adds to each or takes from it is a level and more together: the next has it.
    const bool carries = count > (1 << bits_) / 512;
    double carried = 0;
    for (int k = 0; k < count; ++k) {
      const double exact = weights[k] * one + carried;
      out[k] = static_cast<std::int16_t>(std::min(exact + 0.5, 32767.0));
      if (carries) carried = exact - out[k];
    }
    return;
  }
  std::int32_t* out = wide_weights_.data() + std::ptrdiff_t{o} * stride_;
  for (int k = 0; k < count; ++k) {
    const double scaled = weights[k] / (sum != 0.0 ? sum : 1.0) * (1 << kWideBits);
    out[k] = static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  }
}

void AxisWeights::rebase() noexcept {
  rebased_ += first_input_;
  shift(-first_input_);
}

void AxisWeights::shift(int inputs) noexcept {
  if (inputs == 0) return;
  for (int& first : first_) first += inputs;
  first_input_ += inputs;
  end_input_ += inputs;
}

}  // namespace fastload
