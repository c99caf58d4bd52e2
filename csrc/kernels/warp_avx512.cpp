// As for AVX2, sixteen pixels at a time, four in a register; the last ones may be fewer.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
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

// Of sixteen, the first `count`, or all.
inline __mmask16 first_of(int count) noexcept {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1 << count) - 1);
}

// Where pixels lie on an axis: between which neighbours, and how far from the first one, in 128ths.
struct Axis {
  __m512i first, part;

  // Beyond the ends of the axis, whose last pixel but one is `last_pair`, its end pixels are repeated.
  Axis(__m512i places, int last_pair) noexcept {
    const __m512i at = _mm512_srai_epi32(places, kWarpBits), end = _mm512_set1_epi32(last_pair);
    const __m512i zero = _mm512_setzero_si512();
    first = _mm512_min_epi32(_mm512_max_epi32(at, zero), end);
    part = _mm512_maskz_and_epi32(_mm512_cmpge_epi32_mask(at, zero), places, _mm512_set1_epi32(kOne - 1));
    part = _mm512_mask_mov_epi32(part, _mm512_cmpgt_epi32_mask(at, end), _mm512_set1_epi32(kOne));
  }
};

// Where a run of pixels lies in the image, and their weights, worked out before pixels are read: numbers that were just
// written by one instruction are slow to be read one by one.
struct Run {
  static constexpr int kPixels = 64;
  alignas(64) std::uint32_t at[kPixels];
  alignas(64) std::int32_t down[kPixels];   // twice (d - 128, -d) in bytes
  alignas(64) std::int32_t right[kPixels];  // (r - 128, -r) in 16 bits

  Run(ImageView in, const std::int32_t* x, const std::int32_t* y, int count) noexcept {
    const __m512i row_bytes = _mm512_set1_epi32(static_cast<int>(in.row_bytes));
    for (int i = 0; i < count; i += 16) {
      const __mmask16 wanted = first_of(count - i);
      const Axis columns(_mm512_maskz_loadu_epi32(wanted, x + i), in.width - 2);
      const Axis rows(_mm512_maskz_loadu_epi32(wanted, y + i), in.height - 2);
      const __m512i row = _mm512_mullo_epi32(rows.first, row_bytes);
      _mm512_store_si512(at + i, _mm512_add_epi32(row, _mm512_slli_epi32(columns.first, 2)));
      const __m512i pair = both(rows.part, 8);
      _mm512_store_si512(down + i, _mm512_or_si512(pair, _mm512_slli_epi32(pair, 16)));
      _mm512_store_si512(right + i, both(columns.part, 16));
    }
  }

 private:
  // The weights of a place's neighbours, as negative numbers of so many bits, side by side.
  static __m512i both(__m512i part, int bits) noexcept {
    const __m512i mask = _mm512_set1_epi32((1 << bits) - 1);
    const __m512i first = _mm512_and_si512(_mm512_sub_epi32(part, _mm512_set1_epi32(kOne)), mask);
    const __m512i second = _mm512_and_si512(_mm512_sub_epi32(_mm512_setzero_si512(), part), mask);
    return _mm512_or_si512(first, _mm512_slli_epi32(second, static_cast<unsigned>(bits)));
  }
};

// The four neighbours of a pixel, the upper two in the low half.
inline __m128i neighbours(const std::uint8_t* top, const std::uint8_t* bottom) noexcept {
  const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(top));
  return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(upper), reinterpret_cast<const __m64*>(bottom)));
}

// Pixels k, k + 4, k + 8, k + 12 from `first` on, four channels of 32 bits each.
template <int k>
inline __m512i blend(const std::uint8_t* top, const std::uint8_t* bottom, const Run& run, int first) noexcept {
  // Of each channel: upper left, lower left, upper right, lower right.
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15));
  const std::uint32_t* at = run.at + first + k;
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(neighbours(top + at[0], bottom + at[0])),
                                              neighbours(top + at[4], bottom + at[4]), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(neighbours(top + at[8], bottom + at[8])),
                                               neighbours(top + at[12], bottom + at[12]), 1);
  const __m512i levels = _mm512_shuffle_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1), order);
  constexpr auto kEach = static_cast<_MM_PERM_ENUM>(0x55 * k);
  const __m512i down = _mm512_shuffle_epi32(_mm512_load_si512(run.down + first), kEach);
  const __m512i right = _mm512_shuffle_epi32(_mm512_load_si512(run.right + first), kEach);
  const __m512i half = _mm512_set1_epi32(1 << (2 * kWarpBits - 1));
  return _mm512_srli_epi32(_mm512_dpwssd_epi32(half, _mm512_maddubs_epi16(levels, down), right), 2 * kWarpBits);
}

}  // namespace

int bilinear_run_avx512(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                        std::uint8_t* out) noexcept {
  const bool is_small = in.height * std::int64_t{in.row_bytes} < kMostBytes;
  if (!is_small || in.width < 2 || in.height < 2) return 0;
  const std::uint8_t *top = in.data, *bottom = in.data + in.row_bytes;
  for (int begin = 0; begin < count; begin += Run::kPixels) {
    const int end = std::min(count, begin + Run::kPixels);
    const Run run(in, x + begin, y + begin, end - begin);
    for (int i = begin; i < end; i += 16) {
      const int at = i - begin;
      const __m512i first = _mm512_packs_epi32(blend<0>(top, bottom, run, at), blend<1>(top, bottom, run, at));
      const __m512i second = _mm512_packs_epi32(blend<2>(top, bottom, run, at), blend<3>(top, bottom, run, at));
      _mm512_mask_storeu_epi32(out + std::ptrdiff_t{4} * i, first_of(end - i), _mm512_packus_epi16(first, second));
    }
  }
  return count;
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
