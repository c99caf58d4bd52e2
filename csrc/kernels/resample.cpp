#include "kernels/resample.h"

#include <algorithm>
#include <cstring>

#include "core/cpu.h"
#include "kernels/resample_passes.h"

namespace fastload {
namespace {

inline std::uint8_t clipped(std::int32_t sum, int bits) noexcept {
  return static_cast<std::uint8_t>(std::clamp(sum >> bits, 0, 255));
}

template <class Weight, int kChannels>
void horizontal_part(const AxisWeights& weights, const Weight* all, int begin, const std::uint8_t* in,
                     std::uint8_t* out) {
  const int bits = weights.bits();
  for (int o = begin; o < weights.outputs(); ++o) {
    const Weight* weight = all + std::ptrdiff_t{o} * weights.stride();
    const std::uint8_t* pixel = in + std::ptrdiff_t{weights.first(o)} * kChannels;
    for (int c = 0; c < kChannels; ++c) {
      std::int32_t sum = 1 << (bits - 1);
      for (int k = 0; k < weights.taps(); ++k) sum += weight[k] * pixel[k * kChannels + c];
      out[o * kChannels + c] = clipped(sum, bits);
    }
  }
}

template <class Weight>
void vertical_part(const AxisWeights& weights, const Weight* weight, const std::uint8_t* const* rows,
                   std::size_t begin, std::size_t end, std::uint8_t* out) {
  const int bits = weights.bits();
  for (std::size_t x = begin; x < end; ++x) {
    std::int32_t sum = 1 << (bits - 1);
    for (int k = 0; k < weights.taps(); ++k) sum += weight[k] * rows[k][x];
    out[x] = clipped(sum, bits);
  }
}

template <int kChannels>
void copy_pixels(const AxisWeights& weights, const std::uint8_t* in, std::uint8_t* out) {
  for (int o = 0; o < weights.outputs(); ++o) {
    std::memcpy(out + o * kChannels, in + std::ptrdiff_t{weights.first(o)} * kChannels, kChannels);
  }
}

HorizontalPass horizontal_pass() noexcept {
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512) return horizontal_avx512;
  if (simd() == Simd::kAvx2) return horizontal_avx2;
#endif
  return horizontal_scalar;
}

VerticalPass vertical_pass() noexcept {
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512) return vertical_avx512;
  if (simd() == Simd::kAvx2) return vertical_avx2;
#endif
  return vertical_scalar;
}

}  // namespace

void horizontal_scalar_part(const AxisWeights& weights, int channels, int begin, const std::uint8_t* const* in,
                            int count, std::uint8_t* const* out) {
  for (int r = 0; r < count; ++r) {
    if (weights.is_wide()) {
      channels == 1 ? horizontal_part<std::int32_t, 1>(weights, weights.wide(0), begin, in[r], out[r])
                    : horizontal_part<std::int32_t, 4>(weights, weights.wide(0), begin, in[r], out[r]);
    } else {
      channels == 1 ? horizontal_part<std::int16_t, 1>(weights, weights.narrow(0), begin, in[r], out[r])
                    : horizontal_part<std::int16_t, 4>(weights, weights.narrow(0), begin, in[r], out[r]);
    }
  }
}

void horizontal_scalar(const AxisWeights& weights, int channels, const std::uint8_t* const* in, int count,
                       std::uint8_t* const* out) {
  horizontal_scalar_part(weights, channels, 0, in, count, out);
}

int two_taps(const AxisWeights& weights, int o) noexcept {
  const std::int16_t* weight = weights.narrow(o);
  const int last = weights.taps() - 1;
  int k = 0;
  while (k < last - 1 && weight[k] == 0) ++k;
  if (k >= last || weight[k] + weight[k + 1] != 1 << 14) return -1;
  return std::all_of(weight + k + 2, weight + last + 1, [](std::int16_t left) { return left == 0; }) ? k : -1;
}

void vertical_scalar_part(const AxisWeights& weights, int o, const std::uint8_t* const* rows, std::size_t begin,
                          std::size_t end, std::uint8_t* out) {
  weights.is_wide() ? vertical_part(weights, weights.wide(o), rows, begin, end, out)
                    : vertical_part(weights, weights.narrow(o), rows, begin, end, out);
}

void vertical_scalar(const AxisWeights& weights, int o, const std::uint8_t* const* rows, std::size_t bytes,
                     std::uint8_t* out) {
  vertical_scalar_part(weights, o, rows, 0, bytes, out);
}

bool RowResizer::takes_rgb(const AxisWeights& horizontal, bool height_first) noexcept {
  return !height_first && FewTaps::suits(horizontal, 3);
}

void RowResizer::start(const AxisWeights& horizontal, const AxisWeights& vertical, int channels, bool height_first,
                       ImageView out) {
  horizontal_ = &horizontal;
  vertical_ = &vertical;
  channels_ = out.channels;
  height_first_ = height_first;
  keeps_height_ = !height_first && vertical.copies() && vertical.outputs() == vertical.end_input();
  few_ = FewTaps::suits(horizontal, channels);
  if (few_) few_taps_.make(horizontal, channels);
  out_ = out;
  rows_in_ = rows_out_ = 0;
  const int ring_width = height_first ? horizontal.end_input() : horizontal.outputs();
  ring_row_used_ = static_cast<std::size_t>(ring_width) * static_cast<std::size_t>(channels_);
  ring_row_bytes_ = static_cast<std::ptrdiff_t>(ring_row_used_ + kRowPadding);
  ring_rows_ = vertical.taps() + kRowsAtOnce;
  ring_.resize(static_cast<std::size_t>(ring_row_bytes_ * ring_rows_));
  if (height_first) shrunk_.resize(static_cast<std::size_t>(ring_row_bytes_ * kRowsAtOnce));
  tap_rows_.resize(static_cast<std::size_t>(vertical.taps()));
}

// Puts them into the ring, or where they belong if the height stays as it is.
void RowResizer::take(const std::uint8_t* rows, std::ptrdiff_t row_bytes, int count) {
  const std::uint8_t* in[kRowsAtOnce];
  std::uint8_t* out[kRowsAtOnce];
  for (int r = 0; r < count; ++r) {
    in[r] = rows + r * row_bytes;
    out[r] = keeps_height_ ? out_.row((rows_in_ + r) % out_.height) : ring_row(rows_in_ + r);
    if (height_first_) std::memcpy(out[r], in[r], ring_row_used_);
  }
  if (!height_first_) make_width(in, count, out);
  rows_in_ += count;
}

bool RowResizer::is_ready(int row) const noexcept {
  return row < vertical_->outputs() && vertical_->first(row) + vertical_->taps() <= rows_in_;
}

ImageView RowResizer::make() {
  ImageView made = out_;
  made.data = out_.row(rows_out_ % out_.height);
  // One by one, unless a pass takes several: what is written of a row reaches memory while the next one is made.
  const int most = height_first_ ? std::min(kRowsAtOnce, out_.height - rows_out_ % out_.height) : 1;
  const std::uint8_t* in[kRowsAtOnce];
  std::uint8_t* out[kRowsAtOnce];
  int count = 0;
  for (; count < most && is_ready(rows_out_ + count); ++count) {
    std::uint8_t* row = height_first_ ? shrunk_.data() + count * ring_row_bytes_ : made.row(count);
    in[count] = row;
    out[count] = made.row(count);
    if (!keeps_height_) make_height(rows_out_ + count, row);
  }
  if (height_first_ && count > 0) make_width(in, count, out);
  rows_out_ += count;
  made.height = count;
  return made;
}

// Output row `row`, as wide as the ring's rows.
void RowResizer::make_height(int row, std::uint8_t* out) {
  const int first = vertical_->first(row);
  if (vertical_->copies()) {
    std::memcpy(out, ring_row(first), ring_row_used_);
    return;
  }
  for (int k = 0; k < vertical_->taps(); ++k) tap_rows_[static_cast<std::size_t>(k)] = ring_row(first + k);
  vertical_pass()(*vertical_, row, tap_rows_.data(), ring_row_used_, out);
}

// Rows as wide as the output of rows as wide as the input.
void RowResizer::make_width(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const {
  if (few_) return few_taps_.run(in, count, out);
  if (!horizontal_->copies()) return horizontal_pass()(*horizontal_, channels_, in, count, out);
  for (int r = 0; r < count; ++r) {
    channels_ == 1 ? copy_pixels<1>(*horizontal_, in[r], out[r]) : copy_pixels<4>(*horizontal_, in[r], out[r]);
  }
}

}  // namespace fastload
