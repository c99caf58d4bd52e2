// Divisions take five times as long as multiplications, so a quotient is computed as q = a * r, r = 1 / b rounded, and
// mended by its remainder: q + (a - q * b) * r. With fused operations that is the correctly rounded quotient (Markstein,
// "Computation of elementary functions on the IBM RISC System/6000 processor", 1990), far from the ends of the range of
// floats, where levels, means and deviations are.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cmath>

#include "core/target.h"
#include "kernels/finish_rows.h"

FASTLOAD_TARGET("avx2,fma")

namespace fastload {
namespace {

inline __m256 quotient(__m256 a, __m256 b, __m256 reciprocal) noexcept {
  const __m256 rough = _mm256_mul_ps(a, reciprocal);
  const __m256 remainder = _mm256_fnmadd_ps(rough, b, a);
  return _mm256_fmadd_ps(remainder, reciprocal, rough);
}

inline __m256 value_of(__m256i levels, const Arithmetic& arithmetic, int channel) noexcept {
  const __m256 scale = _mm256_set1_ps(arithmetic.scale);
  __m256 value = _mm256_cvtepi32_ps(levels);
  value = arithmetic.divides ? quotient(value, scale, _mm256_set1_ps(1.0F / arithmetic.scale))
                             : _mm256_mul_ps(value, scale);
  if (!arithmetic.normalises) return value;
  value = _mm256_sub_ps(value, _mm256_set1_ps(arithmetic.mean[channel]));
  const float deviation = arithmetic.deviation[channel];
  return quotient(value, _mm256_set1_ps(deviation), _mm256_set1_ps(1.0F / deviation));
}

// Byte `channel` of eight RGBX pixels, as 32-bit numbers.
inline __m256i channel_of(__m256i pixels, int channel) noexcept {
  const __m256i moved = _mm256_srl_epi32(pixels, _mm_cvtsi32_si128(8 * channel));
  return _mm256_and_si256(moved, _mm256_set1_epi32(0xFF));
}

inline __m256i reversed_pixels(__m256i pixels) noexcept {
  return _mm256_permutevar8x32_epi32(pixels, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}

}  // namespace

void rgbx_to_float_planes_avx2(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                               float* const* planes) noexcept {
  int x = 0;
  for (; x + 8 <= width; x += 8) {
    const std::ptrdiff_t at = reversed ? width - 8 - x : x;
    __m256i pixels = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at * 4));
    if (reversed) pixels = reversed_pixels(pixels);
    for (int c = 0; c < 3; ++c) {
      _mm256_storeu_ps(planes[c] + x, value_of(channel_of(pixels, c), arithmetic, c));
    }
  }
  for (; x < width; ++x) {
    const std::uint8_t* pixel = in + (reversed ? width - 1 - x : x) * std::ptrdiff_t{4};
    for (int c = 0; c < 3; ++c) planes[c][x] = computed(arithmetic, c, pixel[c]);
  }
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
