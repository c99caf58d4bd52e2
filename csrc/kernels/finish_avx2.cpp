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

// What is the same for all pixels, by the channels that the lanes hold: of `first` in lane 0, and on in turn by `step`.
struct Constants {
  __m256 mean, deviation, reciprocal;
  Constants(const Arithmetic& arithmetic, int first, int step) noexcept {
    alignas(32) float means[8], deviations[8];
    for (int lane = 0; lane < 8; ++lane) {
      const int channel = (first + step * lane) % 3;
      means[lane] = arithmetic.mean[channel];
      deviations[lane] = arithmetic.deviation[channel];
    }
    mean = _mm256_load_ps(means);
    deviation = _mm256_load_ps(deviations);
    reciprocal = _mm256_div_ps(_mm256_set1_ps(1.0F), deviation);
  }
};

inline __m256 value_of(__m256i levels, const Arithmetic& arithmetic, const Constants& constants) noexcept {
  const __m256 scale = _mm256_set1_ps(arithmetic.scale);
  __m256 value = _mm256_cvtepi32_ps(levels);
  value = arithmetic.divides ? quotient(value, scale, _mm256_set1_ps(1.0F / arithmetic.scale))
                             : _mm256_mul_ps(value, scale);
  if (!arithmetic.normalises) return value;
  return quotient(_mm256_sub_ps(value, constants.mean), constants.deviation, constants.reciprocal);
}

// Byte `channel` of eight RGBX pixels, as 32-bit numbers.
inline __m256i channel_of(__m256i pixels, int channel) noexcept {
  const __m256i moved = _mm256_srl_epi32(pixels, _mm_cvtsi32_si128(8 * channel));
  return _mm256_and_si256(moved, _mm256_set1_epi32(0xFF));
}

// Eight pixels from the x-th on.
inline __m256i load_pixels(const std::uint8_t* in, int width, int x, bool reversed) noexcept {
  const std::ptrdiff_t at = reversed ? width - 8 - x : x;
  const __m256i pixels = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at * 4));
  return reversed ? _mm256_permutevar8x32_epi32(pixels, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)) : pixels;
}

}  // namespace

void rgbx_to_float_planes_avx2(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                               float* const* planes) noexcept {
  const Constants constants[3] = {{arithmetic, 0, 0}, {arithmetic, 1, 0}, {arithmetic, 2, 0}};
  int x = 0;
  for (; x + 8 <= width; x += 8) {
    const __m256i pixels = load_pixels(in, width, x, reversed);
    for (int c = 0; c < 3; ++c) {
      _mm256_storeu_ps(planes[c] + x, value_of(channel_of(pixels, c), arithmetic, constants[c]));
    }
  }
  for (; x < width; ++x) {
    const std::uint8_t* pixel = in + (reversed ? width - 1 - x : x) * std::ptrdiff_t{4};
    for (int c = 0; c < 3; ++c) planes[c][x] = computed(arithmetic, c, pixel[c]);
  }
}

// Of 24 values in three vectors, the i-th is of pixel i / 3 and its byte i % 3.
void rgbx_to_float_pixels_avx2(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                               float* out) noexcept {
  const __m256i pixel_of[3] = {_mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2), _mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5),
                               _mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7)};
  const __m256i bits_before[3] = {_mm256_setr_epi32(0, 8, 16, 0, 8, 16, 0, 8),
                                  _mm256_setr_epi32(16, 0, 8, 16, 0, 8, 16, 0),
                                  _mm256_setr_epi32(8, 16, 0, 8, 16, 0, 8, 16)};
  const Constants constants[3] = {{arithmetic, 0, 1}, {arithmetic, 2, 1}, {arithmetic, 1, 1}};
  int x = 0;
  for (; x + 8 <= width; x += 8) {
    const __m256i pixels = load_pixels(in, width, x, reversed);
    for (int part = 0; part < 3; ++part) {
      const __m256i moved = _mm256_srlv_epi32(_mm256_permutevar8x32_epi32(pixels, pixel_of[part]), bits_before[part]);
      const __m256i levels = _mm256_and_si256(moved, _mm256_set1_epi32(0xFF));
      _mm256_storeu_ps(out + std::ptrdiff_t{3} * x + 8 * part, value_of(levels, arithmetic, constants[part]));
    }
  }
  for (; x < width; ++x) {
    const std::uint8_t* pixel = in + (reversed ? width - 1 - x : x) * std::ptrdiff_t{4};
    for (int c = 0; c < 3; ++c) out[std::ptrdiff_t{3} * x + c] = computed(arithmetic, c, pixel[c]);
  }
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
