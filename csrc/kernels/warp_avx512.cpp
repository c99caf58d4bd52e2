// As for AVX2, sixteen pixels at a time, four in a register; the last ones may be fewer.
#if defined(__x86_64__)

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/warp_rows.h"

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")

namespace fastload {
namespace {

constexpr int kOne = 1 << kWarpBits;

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

// One multiplication, of which the compiler would make shifts and additions.
inline __m512i times(__m512i values, int factor) noexcept {
  __m512i factors = _mm512_set1_epi32(factor);
  __asm__("" : "+v"(factors));
  return _mm512_mullo_epi32(values, factors);
}

// Where a run of pixels lies in the image, and their weights, worked out before pixels are read: numbers that were just
// written by one instruction are slow to be read one by one.
struct Run {
  static constexpr int kPixels = 64;
  alignas(64) std::uint32_t at[kPixels];
  alignas(64) std::int32_t down[kPixels];   // (d - 128, -d) in bytes, and two bytes of anything
  alignas(64) std::int32_t right[kPixels];  // (r - 128, -r) in 16 bits

  // Sixteen pixels from the i-th on, wherever they are.
  void put(int i, Axis columns, Axis rows, ImageView in) noexcept {
    place(i, columns.first, rows.first, in);
    _mm512_store_si512(down + i, both(rows.part, 8));
    _mm512_store_si512(right + i, both(columns.part, 16));
  }

  // Of pixels that lie between four others each: then r and d are less than 128, and nothing is carried from the one
  // weight to the other.
  void put_between(int i, __m512i x, __m512i y, ImageView in) noexcept {
    const __m512i below_one = _mm512_set1_epi32(kOne - 1);
    place(i, _mm512_srai_epi32(x, kWarpBits), _mm512_srai_epi32(y, kWarpBits), in);
    const __m512i r = _mm512_and_si512(x, below_one), d = _mm512_and_si512(y, below_one);
    const __m512i bytes = _mm512_madd_epi16(d, _mm512_set1_epi32(-255 & 0xFFFF));
    _mm512_store_si512(down + i, _mm512_add_epi32(bytes, _mm512_set1_epi32(128)));
    _mm512_store_si512(right + i, _mm512_add_epi32(times(r, 1 - 65536), _mm512_set1_epi32(65536 - 128)));
  }

 private:
  void place(int i, __m512i column, __m512i row, ImageView in) noexcept {
    const __m512i start = _mm512_mullo_epi32(row, _mm512_set1_epi32(static_cast<int>(in.row_bytes)));
    const __m512i across = in.channels == 4 ? _mm512_slli_epi32(column, 2)
                                            : _mm512_add_epi32(column, _mm512_slli_epi32(column, 1));
    _mm512_store_si512(at + i, _mm512_add_epi32(start, across));
  }

  // The weights of a place's neighbours, as negative numbers of so many bits, side by side.
  static __m512i both(__m512i part, int bits) noexcept {
    const __m512i mask = _mm512_set1_epi32((1 << bits) - 1);
    const __m512i first = _mm512_and_si512(_mm512_sub_epi32(part, _mm512_set1_epi32(kOne)), mask);
    const __m512i second = _mm512_and_si512(_mm512_sub_epi32(_mm512_setzero_si512(), part), mask);
    return _mm512_or_si512(first, _mm512_slli_epi32(second, static_cast<unsigned>(bits)));
  }
};

inline __m256i in_all_quarters(const std::uint8_t* pair) noexcept {
  std::int64_t eight;
  std::memcpy(&eight, pair, sizeof(eight));
  return _mm256_set1_epi64x(eight);
}

// The four neighbours of each of two pixels, the upper ones first. Blends are made by more of a processor's units than
// insertions are.
inline __m256i neighbours(const std::uint8_t* top, const std::uint8_t* bottom, std::uint32_t one,
                          std::uint32_t other) noexcept {
  __m256i all = _mm256_castsi128_si256(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(top + one)));
  all = _mm256_blend_epi32(all, in_all_quarters(bottom + one), 0x0C);
  all = _mm256_blend_epi32(all, in_all_quarters(top + other), 0x30);
  return _mm256_blend_epi32(all, in_all_quarters(bottom + other), 0xC0);
}

// Where eight bytes are read for a pair of pixels, which are six bytes of RGB: from the pair on, or up to its end. Nothing
// is read behind the image or before it if the pixels are not in its last row, or else not in its first one.
struct Pairs {
  const std::uint8_t *top, *bottom;
  __m512i order;  // of each channel: upper left, lower left, upper right, lower right

  Pairs(ImageView in, bool up_to_end) noexcept {
    const int skipped = up_to_end ? 2 : 0;
    top = in.data - skipped;
    bottom = top + in.row_bytes;
    const __m128i rgbx = _mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15);
    const __m128i rgb = _mm_setr_epi8(0, 8, 3, 11, 1, 9, 4, 12, 2, 10, 5, 13, 2, 10, 5, 13);
    const __m128i each = in.channels == 4 ? rgbx : _mm_add_epi8(rgb, _mm_set1_epi8(static_cast<char>(skipped)));
    order = _mm512_broadcast_i32x4(each);
  }
};

// Pixels k, k + 4, k + 8, k + 12 from `first` on, four channels of 32 bits each.
template <int k>
inline __m512i blend(const Pairs& pairs, const Run& run, int first) noexcept {
  const __m512i kth_word = _mm512_set1_epi16((4 * k + 1) << 8 | 4 * k);
  constexpr auto kEach = static_cast<_MM_PERM_ENUM>(0x55 * k);
  const std::uint32_t* at = run.at + first + k;
  const __m256i low = neighbours(pairs.top, pairs.bottom, at[0], at[4]);
  const __m256i high = neighbours(pairs.top, pairs.bottom, at[8], at[12]);
  const __m512i levels = _mm512_shuffle_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1), pairs.order);
  const __m512i down = _mm512_shuffle_epi8(_mm512_load_si512(run.down + first), kth_word);
  const __m512i right = _mm512_shuffle_epi32(_mm512_load_si512(run.right + first), kEach);
  const __m512i half = _mm512_set1_epi32(1 << (2 * kWarpBits - 1));
  return _mm512_srli_epi32(_mm512_dpwssd_epi32(half, _mm512_maddubs_epi16(levels, down), right), 2 * kWarpBits);
}

void blend_all(const Pairs& pairs, const Run& run, int count, std::uint8_t* out) noexcept {
  for (int i = 0; i < count; i += 16) {
    const __m512i first = _mm512_packs_epi32(blend<0>(pairs, run, i), blend<1>(pairs, run, i));
    const __m512i second = _mm512_packs_epi32(blend<2>(pairs, run, i), blend<3>(pairs, run, i));
    _mm512_mask_storeu_epi32(out + std::ptrdiff_t{4} * i, first_of(count - i), _mm512_packus_epi16(first, second));
  }
}

bool is_within_reach(ImageView in) noexcept {
  return in.height * std::int64_t{in.row_bytes} < kMostWarpBytes && in.width >= 2 && in.height >= 2;
}

// start, start + step, start + 2 step, ...: the upper halves of sixteen at a time.
class Steps {
 public:
  Steps(std::int64_t start, std::int64_t step) noexcept {
    const __m512i numbers = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    low_ = _mm512_add_epi64(_mm512_set1_epi64(start), _mm512_mullo_epi64(numbers, _mm512_set1_epi64(step)));
    high_ = _mm512_add_epi64(low_, _mm512_set1_epi64(8 * step));
    sixteen_steps_ = _mm512_set1_epi64(16 * step);
  }

  // 0 in place of those that are not wanted.
  __m512i next(__mmask16 wanted = 0xFFFF) noexcept {
    const __m512i upper_halves = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    const __m512i sixteen = _mm512_maskz_permutex2var_epi32(wanted, low_, upper_halves, high_);
    low_ = _mm512_add_epi64(low_, sixteen_steps_);
    high_ = _mm512_add_epi64(high_, sixteen_steps_);
    return sixteen;
  }

 private:
  __m512i low_, high_, sixteen_steps_;
};

}  // namespace

int bilinear_run_avx512(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                        std::uint8_t* out) noexcept {
  if (in.channels != 4 || !is_within_reach(in)) return 0;
  const Pairs pairs(in, false);
  for (int begin = 0; begin < count; begin += Run::kPixels) {
    const int pixels = std::min(count - begin, Run::kPixels);
    Run run;
    for (int i = 0; i < pixels; i += 16) {
      const __mmask16 wanted = first_of(pixels - i);
      const Axis columns(_mm512_maskz_loadu_epi32(wanted, x + begin + i), in.width - 2);
      const Axis rows(_mm512_maskz_loadu_epi32(wanted, y + begin + i), in.height - 2);
      run.put(i, columns, rows, in);
    }
    blend_all(pairs, run, pixels, out + std::ptrdiff_t{4} * begin);
  }
  return count;
}

int bilinear_even_avx512(ImageView in, EvenPlaces places, int count, std::uint8_t* out) noexcept {
  if (!is_within_reach(in) || count == 0) return 0;
  const auto row = [&](int i) { return (places.y + i * places.step_y) >> (32 + kWarpBits); };
  const bool up_to_end = in.channels == 3 && std::max(row(0), row(count - 1)) == in.height - 2;
  if (up_to_end) {
    const int half = count / 2 / 16 * 16;
    if (std::min(row(0), row(count - 1)) == 0) {  // each half is far from the first row or from the last one
      if (half == 0) return 0;
      const int done = bilinear_even_avx512(in, places, half, out);
      return done + bilinear_even_avx512(in, places.after(half), count - half, out + std::ptrdiff_t{4} * half);
    }
    count = count / 16 * 16;  // what is read for those that are not wanted begins with the image
  }
  const Pairs pairs(in, up_to_end);
  Steps x(places.x, places.step_x), y(places.y, places.step_y);
  for (int begin = 0; begin < count; begin += Run::kPixels) {
    const int pixels = std::min(count - begin, Run::kPixels);
    Run run;
    for (int i = 0; i < pixels; i += 16) {
      const __mmask16 wanted = first_of(pixels - i);
      run.put_between(i, x.next(wanted), y.next(wanted), in);
    }
    blend_all(pairs, run, pixels, out + std::ptrdiff_t{4} * begin);
  }
  return count;
}

void even_run_avx512(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept {
  Steps steps(start, step);
  int done = 0;
  for (; done + 16 <= count; done += 16) _mm512_storeu_si512(out + done, steps.next());
  even_run(start + done * step, step, count - done, out + done);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
