// AVX2: pairs of pixels or rows become pairs of 16-bit numbers, which one instruction multiplies by a pair of weights
// and adds up.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "core/target.h"
#include "kernels/resample_passes.h"

FASTLOAD_TARGET("avx2")

namespace fastload {
namespace {

constexpr int kFourRows = 4;  // as many as there are registers for

inline int pair_of(const std::int16_t* weights) noexcept {
  int pair;
  std::memcpy(&pair, weights, sizeof(pair));
  return pair;
}

// The channels of a pixel and its right neighbour side by side, of the first two or the last two of four in each half.
inline __m256i pairs(__m256i pixels, bool last) noexcept {
  const __m256i first_two = _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1,  //
                                             0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
  const __m256i last_two = _mm256_setr_epi8(8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1,  //
                                            8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1);
  return _mm256_shuffle_epi8(pixels, last ? last_two : first_two);
}

// One half for each of two outputs.
struct TwoOutputs {
  const std::int16_t* weights[2];
  std::ptrdiff_t starts[2];  // of their inputs

  TwoOutputs(const AxisWeights& all, int one, int other) noexcept
      : weights{all.narrow(one), all.narrow(other)},
        starts{std::ptrdiff_t{all.first(one)} * 4, std::ptrdiff_t{all.first(other)} * 4} {}
  __m256i four_weights(int k) const noexcept {
    const auto of = [&](int i) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights[i] + k)); };
    return _mm256_setr_m128i(of(0), of(1));
  }
  __m256i four_pixels(const std::uint8_t* row, int k) const noexcept {
    const auto of = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + starts[i] + k * 4)); };
    return _mm256_setr_m128i(of(0), of(1));
  }
};

// The sums of two outputs in kRows rows.
template <int kRows>
inline void sum_up(const TwoOutputs& outputs, int taps, __m256i half, const std::uint8_t* const* in, __m256i* sums) noexcept {
  for (int r = 0; r < kRows; ++r) sums[r] = half;
  for (int k = 0; k < taps; k += 4) {
    const __m256i four = outputs.four_weights(k);
    const __m256i first = _mm256_shuffle_epi32(four, 0x00), last = _mm256_shuffle_epi32(four, 0x55);
    for (int r = 0; r < kRows; ++r) {
      const __m256i pixels = outputs.four_pixels(in[r], k);
      sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(pairs(pixels, false), first));
      sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(pairs(pixels, true), last));
    }
  }
}

// Four outputs at a time, of any number of taps.
template <int kRows>
void narrow_rows(const AxisWeights& weights, const std::uint8_t* const* in, std::uint8_t* const* out) {
  const __m256i half = _mm256_set1_epi32(1 << (weights.bits() - 1));
  const __m128i shift = _mm_cvtsi32_si128(weights.bits());
  int o = 0;
  for (; o + 4 <= weights.outputs(); o += 4) {
    __m256i left[kRows], right[kRows];
    sum_up<kRows>(TwoOutputs(weights, o, o + 2), weights.taps(), half, in, left);
    sum_up<kRows>(TwoOutputs(weights, o + 1, o + 3), weights.taps(), half, in, right);
    // Outputs 0 and 1 in the low half, 2 and 3 in the high.
    const auto words = [&](int r) {
      return _mm256_packs_epi32(_mm256_sra_epi32(left[r], shift), _mm256_sra_epi32(right[r], shift));
    };
    for (int r = 0; r < kRows; r += 2) {
      const int next = std::min(r + 1, kRows - 1);
      const __m256i bytes = _mm256_packus_epi16(words(r), words(next));
      const __m128i low = _mm256_castsi256_si128(bytes), high = _mm256_extracti128_si256(bytes, 1);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out[r] + o * 4), _mm_unpacklo_epi64(low, high));
      if (next > r) _mm_storeu_si128(reinterpret_cast<__m128i*>(out[next] + o * 4), _mm_unpackhi_epi64(low, high));
    }
  }
  horizontal_scalar_part(weights, 4, o, in, kRows, out);
}

// What an output of at most four taps is made by, in both halves: one for each of two rows.
template <bool kFourTaps>
struct FewWeights {
  __m256i first, last;
  std::ptrdiff_t start;  // of its inputs

  FewWeights(const AxisWeights& all, int o) noexcept
      : first(_mm256_set1_epi32(pair_of(all.narrow(o)))),
        last(_mm256_set1_epi32(pair_of(all.narrow(o) + 2))),
        start(std::ptrdiff_t{all.first(o)} * 4) {}
  __m256i sum(const std::uint8_t* row, const std::uint8_t* other) const noexcept {
    const auto of = [&](const std::uint8_t* in) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + start)); };
    const __m256i pixels = _mm256_setr_m128i(of(row), of(other));
    const __m256i one = _mm256_madd_epi16(pairs(pixels, false), first);
    return kFourTaps ? _mm256_add_epi32(one, _mm256_madd_epi16(pairs(pixels, true), last)) : one;
  }
};

// Four outputs at a time, whose weights stay in registers from the first two rows to the last.
template <bool kFourTaps>
void few_taps(const AxisWeights& weights, const std::uint8_t* const* in, int count, std::uint8_t* const* out) {
  using Weights = FewWeights<kFourTaps>;
  // Words hold seven bits behind the point; the last shift rounds.
  const __m128i to_words = _mm_cvtsi32_si128(weights.bits() - 7);
  const __m256i to_bytes = _mm256_set1_epi16(1 << (15 - 7));
  int o = 0;
  for (; o + 4 <= weights.outputs(); o += 4) {
    const Weights one(weights, o), two(weights, o + 1), three(weights, o + 2), four(weights, o + 3);
    for (int r = 0; r < count; r += 2) {
      const int next = std::min(r + 1, count - 1);
      const auto levels = [&](const Weights& left, const Weights& right) {
        const __m256i low = _mm256_sra_epi32(left.sum(in[r], in[next]), to_words);
        const __m256i high = _mm256_sra_epi32(right.sum(in[r], in[next]), to_words);
        return _mm256_mulhrs_epi16(_mm256_packs_epi32(low, high), to_bytes);
      };
      const __m256i bytes = _mm256_packus_epi16(levels(one, two), levels(three, four));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out[r] + o * 4), _mm256_castsi256_si128(bytes));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out[next] + o * 4), _mm256_extracti128_si256(bytes, 1));
    }
  }
  horizontal_scalar_part(weights, 4, o, in, count, out);
}

template <int kRows>
void wide_rows(const AxisWeights& weights, const std::uint8_t* const* in, std::uint8_t* const* out) {
  const __m128i half = _mm_set1_epi32(1 << (weights.bits() - 1));
  const __m128i shift = _mm_cvtsi32_si128(weights.bits());
  for (int o = 0; o < weights.outputs(); ++o) {
    const std::int32_t* weight = weights.wide(o);
    const std::ptrdiff_t start = std::ptrdiff_t{weights.first(o)} * 4;
    __m256i sums[kRows];
    for (int r = 0; r < kRows; ++r) sums[r] = _mm256_setzero_si256();
    for (int k = 0; k < weights.taps(); k += 2) {
      const __m256i two = _mm256_setr_m128i(_mm_set1_epi32(weight[k]), _mm_set1_epi32(weight[k + 1]));
      for (int r = 0; r < kRows; ++r) {
        const __m128i pixels = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in[r] + start + k * 4));
        sums[r] = _mm256_add_epi32(sums[r], _mm256_mullo_epi32(_mm256_cvtepu8_epi32(pixels), two));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(sums[r]), _mm256_extracti128_si256(sums[r], 1));
      sum = _mm_sra_epi32(_mm_add_epi32(sum, half), shift);
      sum = _mm_packs_epi32(sum, sum);
      const int pixel = _mm_cvtsi128_si32(_mm_packus_epi16(sum, sum));
      std::memcpy(out[r] + o * 4, &pixel, 4);
    }
  }
}

// Eight numbers that together are the sum of grey output o: eight taps at a time, of which the last may weigh nothing.
inline __m256i grey_sums(const AxisWeights& weights, int o, const std::uint8_t* row) noexcept {
  const std::uint8_t* levels = row + weights.first(o);
  __m256i sums = _mm256_setzero_si256();
  for (int k = 0; k < weights.taps(); k += 8) {
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(levels + k));
    if (weights.is_wide()) {
      const __m256i by = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights.wide(o) + k));
      sums = _mm256_add_epi32(sums, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(eight), by));
    } else {
      const __m128i by = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights.narrow(o) + k));
      sums = _mm256_add_epi32(sums, _mm256_zextsi128_si256(_mm_madd_epi16(_mm_cvtepu8_epi16(eight), by)));
    }
  }
  return sums;
}

// Four outputs at a time, of any number of taps.
void grey_rows(const AxisWeights& weights, const std::uint8_t* const* in, int count, std::uint8_t* const* out) {
  const __m128i half = _mm_set1_epi32(1 << (weights.bits() - 1));
  const __m128i shift = _mm_cvtsi32_si128(weights.bits());
  int o = 0;
  for (; o + 4 <= weights.outputs(); o += 4) {
    for (int r = 0; r < count; ++r) {
      const auto of = [&](int i) { return grey_sums(weights, o + i, in[r]); };
      const __m256i four = _mm256_hadd_epi32(_mm256_hadd_epi32(of(0), of(1)), _mm256_hadd_epi32(of(2), of(3)));
      __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
      sums = _mm_sra_epi32(_mm_add_epi32(sums, half), shift);
      sums = _mm_packs_epi32(sums, sums);
      const int levels = _mm_cvtsi128_si32(_mm_packus_epi16(sums, sums));
      std::memcpy(out[r] + o, &levels, 4);
    }
  }
  horizontal_scalar_part(weights, 1, o, in, count, out);
}

// 32 bytes of one output row.
struct Block {
  __m256i sums[4];

  explicit Block(int half) noexcept {
    for (__m256i& sum : sums) sum = _mm256_set1_epi32(half);
  }
  void add(__m256i upper, __m256i lower, __m256i pair) noexcept {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_unpacklo_epi8(upper, lower);
    const __m256i high = _mm256_unpackhi_epi8(upper, lower);
    const __m256i parts[4] = {_mm256_unpacklo_epi8(low, zero), _mm256_unpackhi_epi8(low, zero),
                              _mm256_unpacklo_epi8(high, zero), _mm256_unpackhi_epi8(high, zero)};
    for (int i = 0; i < 4; ++i) sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(parts[i], pair));
  }
  void store(int bits, std::uint8_t* out) noexcept {
    const __m128i shift = _mm_cvtsi32_si128(bits);
    for (__m256i& sum : sums) sum = _mm256_sra_epi32(sum, shift);
    const __m256i low = _mm256_packs_epi32(sums[0], sums[1]);
    const __m256i high = _mm256_packs_epi32(sums[2], sums[3]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_packus_epi16(low, high));
  }
};

inline __m256i load(const std::uint8_t* from) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

void vertical_wide(const AxisWeights& weights, int o, const std::uint8_t* const* rows, std::size_t bytes,
                   std::uint8_t* out) {
  const std::int32_t* weight = weights.wide(o);
  const __m128i shift = _mm_cvtsi32_si128(weights.bits());
  std::size_t x = 0;
  for (; x + 8 <= bytes; x += 8) {
    __m256i sum = _mm256_set1_epi32(1 << (weights.bits() - 1));
    for (int k = 0; k < weights.taps(); ++k) {
      const __m256i levels = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows[k] + x)));
      sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(levels, _mm256_set1_epi32(weight[k])));
    }
    sum = _mm256_sra_epi32(sum, shift);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + x), _mm_packus_epi16(words, words));
  }
  vertical_scalar_part(weights, o, rows, x, bytes, out);
}

// As that of AVX-512. How many bytes were made, 32 at a time.
std::size_t between_two(const std::uint8_t* upper, const std::uint8_t* lower, std::int16_t part, std::size_t bytes,
                        std::uint8_t* out) noexcept {
  const __m256i parts = _mm256_set1_epi16(part), low_byte = _mm256_set1_epi16(0xFF);
  const __m256i twice = _mm256_set1_epi16(static_cast<std::int16_t>(2 << 8 | (-2 & 0xFF)));
  const auto part_of = [&](__m256i pairs) {
    return _mm256_and_si256(_mm256_mulhrs_epi16(_mm256_maddubs_epi16(pairs, twice), parts), low_byte);
  };
  std::size_t x = 0;
  for (; x + 32 <= bytes; x += 32) {
    const __m256i above = load(upper + x), below = load(lower + x);
    const __m256i low = part_of(_mm256_unpacklo_epi8(above, below)), high = part_of(_mm256_unpackhi_epi8(above, below));
    const __m256i made = _mm256_add_epi8(above, _mm256_packus_epi16(low, high));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), made);
  }
  return x;
}

}  // namespace

void horizontal_avx2(const AxisWeights& weights, int channels, const std::uint8_t* const* in, int count,
                     std::uint8_t* const* out) {
  if (channels == 1) return grey_rows(weights, in, count, out);
  if (!weights.is_wide() && weights.taps() <= 4) {
    return weights.taps() <= 2 ? few_taps<false>(weights, in, count, out) : few_taps<true>(weights, in, count, out);
  }
  int r = 0;
  for (; r + kFourRows <= count; r += kFourRows) {
    weights.is_wide() ? wide_rows<kFourRows>(weights, in + r, out + r)
                      : narrow_rows<kFourRows>(weights, in + r, out + r);
  }
  for (; r < count; ++r) {
    weights.is_wide() ? wide_rows<1>(weights, in + r, out + r) : narrow_rows<1>(weights, in + r, out + r);
  }
}

void vertical_avx2(const AxisWeights& weights, int o, const std::uint8_t* const* rows, std::size_t bytes,
                   std::uint8_t* out) {
  if (weights.is_wide()) return vertical_wide(weights, o, rows, bytes, out);
  const std::int16_t* weight = weights.narrow(o);
  const int taps = weights.taps(), upper = two_taps(weights, o);
  std::size_t x = 0;
  if (upper >= 0) x = between_two(rows[upper], rows[upper + 1], weight[upper + 1], bytes, out);
  for (; x + 32 <= bytes; x += 32) {
    Block block(1 << (weights.bits() - 1));
    int k = 0;
    for (; k + 1 < taps; k += 2) {
      block.add(load(rows[k] + x), load(rows[k + 1] + x), _mm256_set1_epi32(pair_of(weight + k)));
    }
    if (k < taps) block.add(load(rows[k] + x), _mm256_setzero_si256(), _mm256_set1_epi32(pair_of(weight + k)));
    block.store(weights.bits(), out + x);
  }
  vertical_scalar_part(weights, o, rows, x, bytes, out);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
