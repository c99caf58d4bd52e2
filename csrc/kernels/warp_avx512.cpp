// As for AVX2, sixteen pixels at a time, four in a register.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/target.h"
#include "kernels/warp_rows.h"

// gcc 12 warns of its own intrinsics, whose masked forms begin with an undefined register.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")

namespace fastload {
namespace {

constexpr int kOne = 1 << kWarpBits;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 31;  // offsets are counted in 32 bits

struct Weights {
  __m512i down;   // for each pixel, twice (d - 128, -d) in bytes
  __m512i right;  // (r - 128, -r) in 16 bits
};

inline Weights weights_of(__m512i x, __m512i y) noexcept {
  const __m512i mask = _mm512_set1_epi32(kOne - 1);
  const __m512i r = _mm512_and_si512(x, mask);
  const __m512i d = _mm512_and_si512(y, mask);
  const __m512i bytes = _mm512_set1_epi32(0xFF), words = _mm512_set1_epi32(0xFFFF);
  const __m512i one = _mm512_set1_epi32(kOne), zero = _mm512_setzero_si512();
  const __m512i far_down = _mm512_and_si512(_mm512_sub_epi32(d, one), bytes);
  const __m512i near_down = _mm512_and_si512(_mm512_sub_epi32(zero, d), bytes);
  const __m512i pair = _mm512_or_si512(far_down, _mm512_slli_epi32(near_down, 8));
  const __m512i far_right = _mm512_and_si512(_mm512_sub_epi32(r, one), words);
  return {_mm512_or_si512(pair, _mm512_slli_epi32(pair, 16)),
          _mm512_or_si512(far_right, _mm512_slli_epi32(_mm512_sub_epi32(zero, r), 16))};
}

// The four neighbours of a pixel, the upper two in the low half.
inline __m128i neighbours(const std::uint8_t* top, const std::uint8_t* bottom) noexcept {
  const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(top));
  return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(upper), reinterpret_cast<const __m64*>(bottom)));
}

// Pixels k, k + 4, k + 8, k + 12, four channels of 32 bits each.
template <int k>
inline __m512i blend(const std::uint8_t* top, const std::uint8_t* bottom, const std::uint32_t* at,
                     const Weights& weights) noexcept {
  // Of each channel: upper left, lower left, upper right, lower right.
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15));
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(neighbours(top + at[k], bottom + at[k])),
                                              neighbours(top + at[k + 4], bottom + at[k + 4]), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(neighbours(top + at[k + 8], bottom + at[k + 8])),
                                               neighbours(top + at[k + 12], bottom + at[k + 12]), 1);
  const __m512i levels = _mm512_shuffle_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1), order);
  constexpr auto kEach = static_cast<_MM_PERM_ENUM>(0x55 * k);
  const __m512i sums = _mm512_maddubs_epi16(levels, _mm512_shuffle_epi32(weights.down, kEach));
  const __m512i half = _mm512_set1_epi32(1 << (2 * kWarpBits - 1));
  return _mm512_srli_epi32(_mm512_dpwssd_epi32(half, sums, _mm512_shuffle_epi32(weights.right, kEach)), 2 * kWarpBits);
}

}  // namespace

int bilinear_run_avx512(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                        std::uint8_t* out) noexcept {
  if (in.height * std::int64_t{in.row_bytes} >= kMostBytes) return bilinear_run_avx2(in, x, y, count, out);
  const __m512i last_column = _mm512_set1_epi32(in.width - 1), last_row = _mm512_set1_epi32(in.height - 1);
  const __m512i row_bytes = _mm512_set1_epi32(static_cast<int>(in.row_bytes));
  int done = 0;
  for (; done + 16 <= count; done += 16) {
    const __m512i xs = _mm512_loadu_si512(x + done), ys = _mm512_loadu_si512(y + done);
    const __m512i columns = _mm512_srai_epi32(xs, kWarpBits), rows = _mm512_srai_epi32(ys, kWarpBits);
    const __mmask16 across = _mm512_cmplt_epu32_mask(columns, last_column);  // what is negative is large
    if (_mm512_mask_cmplt_epu32_mask(across, rows, last_row) != 0xFFFF) {
      bilinear_run_avx2(in, x + done, y + done, 16, out + std::ptrdiff_t{4} * done);
      continue;
    }
    alignas(64) std::uint32_t at[16];
    _mm512_store_si512(at, _mm512_add_epi32(_mm512_mullo_epi32(rows, row_bytes), _mm512_slli_epi32(columns, 2)));
    const Weights weights = weights_of(xs, ys);
    const std::uint8_t* bottom = in.data + in.row_bytes;
    const __m512i first = _mm512_packs_epi32(blend<0>(in.data, bottom, at, weights), blend<1>(in.data, bottom, at, weights));
    const __m512i second = _mm512_packs_epi32(blend<2>(in.data, bottom, at, weights), blend<3>(in.data, bottom, at, weights));
    _mm512_storeu_si512(out + std::ptrdiff_t{4} * done, _mm512_packus_epi16(first, second));
  }
  return done + bilinear_run_avx2(in, x + done, y + done, count - done, out + std::ptrdiff_t{4} * done);
}

void even_run_avx512(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept {
  const __m512i numbers = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  __m512i low = _mm512_add_epi64(_mm512_set1_epi64(start), _mm512_mullo_epi64(numbers, _mm512_set1_epi64(step)));
  __m512i high = _mm512_add_epi64(low, _mm512_set1_epi64(8 * step));
  const __m512i sixteen_steps = _mm512_set1_epi64(16 * step);
  const __m512i upper_halves = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  int done = 0;
  for (; done + 16 <= count; done += 16) {
    _mm512_storeu_si512(out + done, _mm512_permutex2var_epi32(low, upper_halves, high));
    low = _mm512_add_epi64(low, sixteen_steps);
    high = _mm512_add_epi64(high, sixteen_steps);
  }
  even_run(start + done * step, step, count - done, out + done);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
