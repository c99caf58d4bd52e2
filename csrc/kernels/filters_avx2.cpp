#if defined(__x86_64__)

#include <immintrin.h>

#include "core/target.h"
#include "kernels/filter_rows.h"

FASTLOAD_TARGET("avx2,fma")

namespace fastload::avx2 {

#include "kernels/filter_loops.inl"

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

// Without FMA: what is rounded once more elsewhere is rounded here, too.
FASTLOAD_TARGET("avx2")

namespace fastload::avx2 {
namespace {

constexpr int kVectors = 4;  // that are added up in registers
constexpr int kLanes = 16;   // of 16 bits each

inline __m256i load(const std::uint16_t* data) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
}
inline __m256i load(const std::uint8_t* data) noexcept {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data)));
}
inline void store(void* data, __m256i value) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(data), value); }

// Two vectors of 16 bits as one of bytes.
inline __m256i packed(__m256i low, __m256i high) noexcept {
  return _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xD8);
}

// 1 / 256 of a level to the nearest level.
inline __m256i rounded(__m256i sums) noexcept {
  return _mm256_srli_epi16(_mm256_adds_epu16(sums, _mm256_set1_epi16(128)), 8);
}

// smooth + factor * (level - smooth) of eight, as whole numbers.
inline __m256i mixed(__m128i smooth, __m128i apart, __m256 factor) noexcept {
  const __m256 from = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(smooth));
  const __m256 far = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(apart));
  __m256 level = _mm256_add_ps(from, _mm256_mul_ps(factor, far));
  level = _mm256_min_ps(_mm256_max_ps(level, _mm256_setzero_ps()), _mm256_set1_ps(255));
  return _mm256_cvttps_epi32(level);
}

}  // namespace

int add_bytes(const ByteTap* taps, int tap_count, int count, std::uint16_t* sums) noexcept {
  int i = 0;
  for (; i + kVectors * kLanes <= count; i += kVectors * kLanes) {
    __m256i sum[kVectors] = {};
    for (int k = 0; k < tap_count; ++k) {
      const __m256i weight = _mm256_set1_epi16(static_cast<short>(taps[k].weight));
      for (int v = 0; v < kVectors; ++v) {
        sum[v] = _mm256_add_epi16(sum[v], _mm256_mullo_epi16(load(taps[k].levels + i + v * kLanes), weight));
      }
    }
    for (int v = 0; v < kVectors; ++v) store(sums + i + v * kLanes, sum[v]);
  }
  return i;
}

int add_words(const WordTap* taps, int tap_count, int count, std::uint8_t* levels) noexcept {
  const __m256i start = _mm256_set1_epi16(static_cast<short>(tap_count / 2));
  int i = 0;
  for (; i + kVectors * kLanes <= count; i += kVectors * kLanes) {
    __m256i sum[kVectors] = {start, start, start, start};
    for (int k = 0; k < tap_count; ++k) {
      const __m256i weight = _mm256_set1_epi16(static_cast<short>(taps[k].weight));
      for (int v = 0; v < kVectors; ++v) {
        sum[v] = _mm256_adds_epu16(sum[v], _mm256_mulhi_epu16(load(taps[k].values + i + v * kLanes), weight));
      }
    }
    store(levels + i, packed(rounded(sum[0]), rounded(sum[1])));
    store(levels + i + 2 * kLanes, packed(rounded(sum[2]), rounded(sum[3])));
  }
  return i;
}

int sharpen_row(const std::uint8_t* const rows[3], int count, int step, float factor, std::uint8_t* out) noexcept {
  const __m256 factors = _mm256_set1_ps(factor);
  int i = step;
  for (; i + kLanes <= count - step; i += kLanes) {
    const __m256i middle = load(rows[1] + i);
    __m256i sum = _mm256_add_epi16(_mm256_slli_epi16(middle, 2), _mm256_set1_epi16(6));
    for (int k = 0; k < 3; ++k) {
      const std::uint8_t* at = rows[k] + i;
      sum = _mm256_add_epi16(sum, _mm256_add_epi16(_mm256_add_epi16(load(at - step), load(at)), load(at + step)));
    }
    const __m256i smooth = _mm256_mulhi_epu16(sum, _mm256_set1_epi16(kThirteenth));
    const __m256i apart = _mm256_sub_epi16(middle, smooth);
    const __m256i low = mixed(_mm256_castsi256_si128(smooth), _mm256_castsi256_si128(apart), factors);
    const __m256i high = mixed(_mm256_extracti128_si256(smooth, 1), _mm256_extracti128_si256(apart, 1), factors);
    // Packing goes by halves: low 0-3, high 0-3, low 4-7, high 4-7.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), bytes);
  }
  return i - step;
}

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
