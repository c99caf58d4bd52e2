// The two passes of resampling, by what the processor offers. All targets give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/resample.h"

namespace fastload {

constexpr int kRowsAtOnce = RowResizer::kRowsAtOnce;

// rows resized in width: in[r] to out[r], r < count <= kRowsAtOnce. in may be read kRowPadding bytes beyond its end.
using HorizontalPass = void (*)(const AxisWeights& weights, int channels, const std::uint8_t* const* in, int count,
                                std::uint8_t* const* out);

// Output row o of `bytes` bytes: byte by byte, the sum of weights.taps() rows. rows: one for each tap.
using VerticalPass = void (*)(const AxisWeights& weights, int o, const std::uint8_t* const* rows, std::size_t bytes,
                              std::uint8_t* out);

// For narrow weights: if output o is made of two rows, one below the other, whose weights are 1 << 14 together, the number
// of the upper one's tap; else -1. Then it is upper + (lower - upper) * weight / (1 << 14), rounded, which fits words.
int two_taps(const AxisWeights& weights, int o) noexcept;

void horizontal_scalar(const AxisWeights&, int, const std::uint8_t* const*, int, std::uint8_t* const*);
void vertical_scalar(const AxisWeights&, int, const std::uint8_t* const*, std::size_t, std::uint8_t*);
// What vector versions leave over: outputs from `begin` on, and bytes [begin, end) of the row.
void horizontal_scalar_part(const AxisWeights&, int channels, int begin, const std::uint8_t* const* in, int count,
                            std::uint8_t* const* out);
void vertical_scalar_part(const AxisWeights&, int o, const std::uint8_t* const* rows, std::size_t begin,
                          std::size_t end, std::uint8_t* out);

void horizontal_avx2(const AxisWeights&, int, const std::uint8_t* const*, int, std::uint8_t* const*);
void vertical_avx2(const AxisWeights&, int, const std::uint8_t* const*, std::size_t, std::uint8_t*);

void horizontal_avx512(const AxisWeights&, int, const std::uint8_t* const*, int, std::uint8_t* const*);
void vertical_avx512(const AxisWeights&, int, const std::uint8_t* const*, std::size_t, std::uint8_t*);

}  // namespace fastload
