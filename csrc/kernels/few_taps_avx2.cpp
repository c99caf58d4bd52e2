// AVX2: two permutations of bytes lay out eight grey outputs, two sums of products add them up.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#include "core/target.h"
#include "kernels/few_taps.h"

FASTLOAD_TARGET("avx2")

namespace fastload {
namespace {

constexpr int kOutputs = 16, kHalf = 8, kQuarter = 4;
constexpr std::int8_t kZero = -1;  // in place of a place

inline __m256i load(const void* from) noexcept { return _mm256_load_si256(static_cast<const __m256i*>(from)); }

inline __m128i load_half(const std::uint8_t* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

}  // namespace

void FewTaps::make_avx2(const AxisWeights& weights) {
  greys_.resize(static_cast<std::size_t>((outputs_ + kOutputs - 1) / kOutputs));
  int next = 0;
  for (Grey& grey : greys_) {
    const int o = first_of(next, kOutputs);
    next += kOutputs;
    for (int i = 0; i < kOutputs; ++i) {
      const int half = i / kHalf, quarter = i % kHalf / kQuarter, pair = half * kHalf + 2 * (i % kQuarter);
      if (i % kHalf == 0) grey.starts[half] = weights.first(o + i);
      const int first = weights.first(o + i) - static_cast<int>(grey.starts[half]);
      for (int k = 0; k < 4; ++k) {
        grey.weights[k / 2][quarter][pair + k % 2] = weights.narrow(o + i)[k];
        std::int8_t* const place = &grey.places[k / 2][quarter][2 * (pair + k % 2)];
        place[0] = static_cast<std::int8_t>(first + k);
        place[1] = kZero;
      }
    }
  }
}

// Words hold seven bits behind the point; the last shift rounds.
void FewTaps::run_avx2(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept {
  const __m128i to_words = _mm_cvtsi32_si128(bits_ - 7);
  const __m256i to_bytes = _mm256_set1_epi16(1 << (15 - 7));
  int next = 0;
  for (const Grey& grey : greys_) {
    const int o = first_of(next, kOutputs);
    next += kOutputs;
    const auto sums = [&](__m256i levels, int quarter) {
      const auto products = [&](int taps) {
        return _mm256_madd_epi16(_mm256_shuffle_epi8(levels, load(grey.places[taps][quarter])),
                                 load(grey.weights[taps][quarter]));
      };
      return _mm256_sra_epi32(two_ ? products(0) : _mm256_add_epi32(products(0), products(1)), to_words);
    };
    const auto words = [&](const std::uint8_t* row) {
      const __m256i levels = _mm256_setr_m128i(load_half(row + grey.starts[0]), load_half(row + grey.starts[1]));
      return _mm256_mulhrs_epi16(_mm256_packs_epi32(sums(levels, 0), sums(levels, 1)), to_bytes);
    };
    for (int r = 0; r < count; r += 2) {
      const int other = std::min(r + 1, count - 1);
      const __m256i bytes = _mm256_packus_epi16(words(in[r]), words(in[other]));
      const __m256i rows = _mm256_permute4x64_epi64(bytes, 0xD8);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out[r] + o), _mm256_castsi256_si128(rows));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out[other] + o), _mm256_extracti128_si256(rows, 1));
    }
  }
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
