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

// What is the same for all pixels of a channel.
struct Constants {
  __m512 mean, deviation, reciprocal;
  Constants(const Arithmetic& arithmetic, int channel) noexcept
      : mean(_mm512_set1_ps(arithmetic.mean[channel])),
        deviation(_mm512_set1_ps(arithmetic.deviation[channel])),
        reciprocal(_mm512_set1_ps(1.0F / arithmetic.deviation[channel])) {}
};

}  // namespace

void rgbx_to_float_planes_avx512(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                                 float* const* planes) noexcept {
  const __m512 scale = _mm512_set1_ps(arithmetic.scale), reciprocal = _mm512_set1_ps(1.0F / arithmetic.scale);
  const Constants constants[3] = {{arithmetic, 0}, {arithmetic, 1}, {arithmetic, 2}};
  const __m512i backwards = _mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  int x = 0;
  for (; x + 16 <= width; x += 16) {
    const std::ptrdiff_t at = reversed ? width - 16 - x : x;
    __m512i pixels = _mm512_loadu_si512(in + at * 4);
    if (reversed) pixels = _mm512_permutexvar_epi32(backwards, pixels);
    for (int c = 0; c < 3; ++c) {
      __m512 value = _mm512_cvtepi32_ps(_mm512_and_si512(pixels, _mm512_set1_epi32(0xFF)));
      value = arithmetic.divides ? quotient(value, scale, reciprocal) : _mm512_mul_ps(value, scale);
      if (arithmetic.normalises) {
        value = _mm512_sub_ps(value, constants[c].mean);
        value = quotient(value, constants[c].deviation, constants[c].reciprocal);
      }
      _mm512_storeu_ps(planes[c] + x, value);
      pixels = _mm512_srli_epi32(pixels, 8);
    }
  }
  float* const rest[3] = {planes[0] + x, planes[1] + x, planes[2] + x};
  rgbx_to_float_planes_avx2(reversed ? in : in + std::ptrdiff_t{4} * x, width - x, reversed, arithmetic, rest);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
