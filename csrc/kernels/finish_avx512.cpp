// As for AVX2, sixteen values at a time: the same operations in the same order.
#if defined(__x86_64__)

#include <cstddef>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/finish_rows.h"

FASTLOAD_TARGET("avx2,fma,avx512f")

namespace fastload {
namespace {

inline __m512 quotient(__m512 a, __m512 b, __m512 reciprocal) noexcept {
  const __m512 rough = _mm512_mul_ps(a, reciprocal);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(rough, b, a), reciprocal, rough);
}

// What is the same for all pixels, by the channels that the lanes hold: of `first` in lane 0, and on in turn by `step`.
struct Constants {
  __m512 mean, deviation, reciprocal;
  Constants(const Arithmetic& arithmetic, int first, int step) noexcept {
    alignas(64) float means[16], deviations[16];
    for (int lane = 0; lane < 16; ++lane) {
      const int channel = (first + step * lane) % 3;
      means[lane] = arithmetic.mean[channel];
      deviations[lane] = arithmetic.deviation[channel];
    }
    mean = _mm512_load_ps(means);
    deviation = _mm512_load_ps(deviations);
    reciprocal = _mm512_div_ps(_mm512_set1_ps(1.0F), deviation);
  }
};

inline __m512 value_of(__m512i levels, const Arithmetic& arithmetic, const Constants& constants) noexcept {
  const __m512 scale = _mm512_set1_ps(arithmetic.scale);
  __m512 value = _mm512_cvtepi32_ps(levels);
  value = arithmetic.divides ? quotient(value, scale, _mm512_set1_ps(1.0F / arithmetic.scale))
                             : _mm512_mul_ps(value, scale);
  if (!arithmetic.normalises) return value;
  return quotient(_mm512_sub_ps(value, constants.mean), constants.deviation, constants.reciprocal);
}

// Sixteen pixels from the x-th on.
inline __m512i load_pixels(const std::uint8_t* in, int width, int x, bool reversed) noexcept {
  const std::ptrdiff_t at = reversed ? width - 16 - x : x;
  const __m512i pixels = _mm512_loadu_si512(in + at * 4);
  const __m512i backwards = _mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return reversed ? _mm512_permutexvar_epi32(backwards, pixels) : pixels;
}

}  // namespace

void rgbx_to_float_planes_avx512(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                                 float* const* planes) noexcept {
  const Constants constants[3] = {{arithmetic, 0, 0}, {arithmetic, 1, 0}, {arithmetic, 2, 0}};
  int x = 0;
  for (; x + 16 <= width; x += 16) {
    __m512i pixels = load_pixels(in, width, x, reversed);
    for (int c = 0; c < 3; ++c) {
      const __m512i levels = _mm512_and_si512(pixels, _mm512_set1_epi32(0xFF));
      _mm512_storeu_ps(planes[c] + x, value_of(levels, arithmetic, constants[c]));
      pixels = _mm512_srli_epi32(pixels, 8);
    }
  }
  float* const rest[3] = {planes[0] + x, planes[1] + x, planes[2] + x};
  rgbx_to_float_planes_avx2(reversed ? in : in + std::ptrdiff_t{4} * x, width - x, reversed, arithmetic, rest);
}

void rgbx_to_float_pixels_avx512(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                                 float* out) noexcept {
  const __m512i pixel_of[3] = {_mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5),
                               _mm512_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10),
                               _mm512_setr_epi32(10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15)};
  const __m512i bits_before[3] = {_mm512_setr_epi32(0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0),
                                  _mm512_setr_epi32(8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8),
                                  _mm512_setr_epi32(16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16)};
  const Constants constants[3] = {{arithmetic, 0, 1}, {arithmetic, 1, 1}, {arithmetic, 2, 1}};
  int x = 0;
  for (; x + 16 <= width; x += 16) {
    const __m512i pixels = load_pixels(in, width, x, reversed);
    for (int part = 0; part < 3; ++part) {
      const __m512i moved = _mm512_srlv_epi32(_mm512_permutexvar_epi32(pixel_of[part], pixels), bits_before[part]);
      const __m512i levels = _mm512_and_si512(moved, _mm512_set1_epi32(0xFF));
      _mm512_storeu_ps(out + std::ptrdiff_t{3} * x + 16 * part, value_of(levels, arithmetic, constants[part]));
    }
  }
  rgbx_to_float_pixels_avx2(reversed ? in : in + std::ptrdiff_t{4} * x, width - x, reversed, arithmetic,
                            out + std::ptrdiff_t{3} * x);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
