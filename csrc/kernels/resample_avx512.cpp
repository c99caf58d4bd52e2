// AVX-512 with VBMI and VNNI: one permutation of bytes lays out eight pixels, one dot product multiplies and adds them.
#if defined(__x86_64__)

#include <cstdint>
#include <cstring>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/resample_passes.h"

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")

namespace fastload {
namespace {

constexpr int kFourRows = 4;  // that fill a register
constexpr std::uint64_t kEverySecondByte = 0x5555555555555555u;

// Where the bytes of eight pixels go: the channels of each pair side by side, with a zero byte after each.
alignas(64) constexpr std::uint8_t kPairs[64] = {
    0,  0, 4,  0, 1,  0, 5,  0, 2,  0, 6,  0, 3,  0, 7,  0,  //
    8,  0, 12, 0, 9,  0, 13, 0, 10, 0, 14, 0, 11, 0, 15, 0,  //
    16, 0, 20, 0, 17, 0, 21, 0, 18, 0, 22, 0, 19, 0, 23, 0,  //
    24, 0, 28, 0, 25, 0, 29, 0, 26, 0, 30, 0, 27, 0, 31, 0};
alignas(64) constexpr std::int32_t kEachFourTimes[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};

inline __m512i eight_weights(const std::int16_t* weights) noexcept {
  const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights));
  return _mm512_permutexvar_epi32(_mm512_load_si512(kEachFourTimes), _mm512_castsi128_si512(eight));
}

inline __m512i eight_pixels(const std::uint8_t* pixels) noexcept {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixels));
  return _mm512_maskz_permutexvar_epi8(kEverySecondByte, _mm512_load_si512(kPairs), _mm512_castsi256_si512(bytes));
}

// The sums of the four quarters of a and of b, in the quarters 0, 1 of which each is a half: (a, a', b, b').
inline __m512i halves(__m512i a, __m512i b) noexcept {
  return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xEE));
}

void four_rows(const AxisWeights& weights, const std::uint8_t* const* in, std::uint8_t* const* out) {
  const __m512i half = _mm512_set1_epi32(1 << (weights.bits() - 1));
  const __m128i shift = _mm_cvtsi32_si128(weights.bits());
  const int taps = weights.taps();
  for (int o = 0; o < weights.outputs(); ++o) {
    const std::int16_t* weight = weights.narrow(o);
    const std::ptrdiff_t start = std::ptrdiff_t{weights.first(o)} * 4;
    __m512i sums[kFourRows];
    for (__m512i& sum : sums) sum = _mm512_setzero_si512();
    for (int k = 0; k < taps; k += 8) {
      const __m512i eight = eight_weights(weight + k);
      for (int r = 0; r < kFourRows; ++r) {
        sums[r] = _mm512_dpwssd_epi32(sums[r], eight_pixels(in[r] + start + k * 4), eight);
      }
    }
    const __m512i upper = halves(sums[0], sums[1]);
    const __m512i lower = halves(sums[2], sums[3]);
    __m512i all = _mm512_add_epi32(_mm512_shuffle_i32x4(upper, lower, 0x88), _mm512_shuffle_i32x4(upper, lower, 0xDD));
    all = _mm512_sra_epi32(_mm512_add_epi32(all, half), shift);
    const __m128i pixels = _mm512_cvtusepi32_epi8(_mm512_max_epi32(all, _mm512_setzero_si512()));
    std::uint32_t four[kFourRows];
    std::memcpy(four, &pixels, sizeof(four));
    for (int r = 0; r < kFourRows; ++r) std::memcpy(out[r] + o * 4, &four[r], 4);
  }
}

// Where in two registers of words the lower bytes of what unpacking has laid out as words are, in their old order.
alignas(64) constexpr std::uint8_t kBackAgain[64] = {
    0,  2,  4,  6,  8,  10, 12, 14, 64,  66,  68,  70,  72,  74,  76,  78,   //
    16, 18, 20, 22, 24, 26, 28, 30, 80,  82,  84,  86,  88,  90,  92,  94,   //
    32, 34, 36, 38, 40, 42, 44, 46, 96,  98,  100, 102, 104, 106, 108, 110,  //
    48, 50, 52, 54, 56, 58, 60, 62, 112, 114, 116, 118, 120, 122, 124, 126};

inline __mmask64 first_of(std::size_t bytes) noexcept {
  return bytes >= 64 ? ~__mmask64{0} : (__mmask64{1} << bytes) - 1;
}

// See two_taps: (lower - upper) * part / (1 << 14) is 2 * (lower - upper) * part / (1 << 15), rounded in words, whose lower
// bytes are added to bytes.
void between_two(const std::uint8_t* upper, const std::uint8_t* lower, std::int16_t part, std::size_t bytes,
                 std::uint8_t* out) noexcept {
  const __m512i parts = _mm512_set1_epi16(part), back_again = _mm512_load_si512(kBackAgain);
  const __m512i twice = _mm512_set1_epi16(static_cast<std::int16_t>(2 << 8 | (-2 & 0xFF)));
  const auto part_of = [&](__m512i pairs) { return _mm512_mulhrs_epi16(_mm512_maddubs_epi16(pairs, twice), parts); };
  for (std::size_t x = 0; x < bytes; x += 64) {
    const __mmask64 inside = first_of(bytes - x);
    const __m512i above = _mm512_maskz_loadu_epi8(inside, upper + x), below = _mm512_maskz_loadu_epi8(inside, lower + x);
    const __m512i low = part_of(_mm512_unpacklo_epi8(above, below)), high = part_of(_mm512_unpackhi_epi8(above, below));
    const __m512i parts_in_bytes = _mm512_permutex2var_epi8(low, back_again, high);
    _mm512_mask_storeu_epi8(out + x, inside, _mm512_add_epi8(above, parts_in_bytes));
  }
}

}  // namespace

void horizontal_avx512(const AxisWeights& weights, int channels, const std::uint8_t* const* in, int count,
                       std::uint8_t* const* out) {
  const bool narrow = channels == 4 && !weights.is_wide();
  int done = 0;
  for (; narrow && done + kFourRows <= count; done += kFourRows) four_rows(weights, in + done, out + done);
  horizontal_avx2(weights, channels, in + done, count - done, out + done);
}

void vertical_avx512(const AxisWeights& weights, int o, const std::uint8_t* const* rows, std::size_t bytes,
                     std::uint8_t* out) {
  if (weights.is_wide()) return vertical_avx2(weights, o, rows, bytes, out);
  const std::int16_t* weight = weights.narrow(o);
  const int taps = weights.taps(), upper_of_two = two_taps(weights, o);
  if (upper_of_two >= 0) {
    const int k = upper_of_two;
    return between_two(rows[k], rows[k + 1], weight[k + 1], bytes, out);
  }
  const __m512i zero = _mm512_setzero_si512();
  const __m128i shift = _mm_cvtsi32_si128(weights.bits());
  for (std::size_t x = 0; x < bytes; x += 64) {
    const __mmask64 inside = first_of(bytes - x);
    __m512i sums[4];
    for (__m512i& sum : sums) sum = _mm512_set1_epi32(1 << (weights.bits() - 1));
    for (int k = 0; k < taps; k += 2) {
      std::int32_t two;
      std::memcpy(&two, weight + k, sizeof(two));
      const __m512i pair = _mm512_set1_epi32(two);
      const __m512i upper = _mm512_maskz_loadu_epi8(inside, rows[k] + x);
      const __m512i lower = k + 1 < taps ? _mm512_maskz_loadu_epi8(inside, rows[k + 1] + x) : zero;
      const __m512i low = _mm512_unpacklo_epi8(upper, lower);
      const __m512i high = _mm512_unpackhi_epi8(upper, lower);
      sums[0] = _mm512_dpwssd_epi32(sums[0], _mm512_unpacklo_epi8(low, zero), pair);
      sums[1] = _mm512_dpwssd_epi32(sums[1], _mm512_unpackhi_epi8(low, zero), pair);
      sums[2] = _mm512_dpwssd_epi32(sums[2], _mm512_unpacklo_epi8(high, zero), pair);
      sums[3] = _mm512_dpwssd_epi32(sums[3], _mm512_unpackhi_epi8(high, zero), pair);
    }
    for (__m512i& sum : sums) sum = _mm512_sra_epi32(sum, shift);
    const __m512i packed = _mm512_packus_epi16(_mm512_packs_epi32(sums[0], sums[1]),
                                               _mm512_packs_epi32(sums[2], sums[3]));
    _mm512_mask_storeu_epi8(out + x, inside, packed);
  }
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
