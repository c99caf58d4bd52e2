// Eight pixels at a time, two in a register. Weights are taken as negative: -128 fits a signed byte, 128 does not, and of
// two negative factors the product is what it should be.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/target.h"
#include "kernels/warp_rows.h"

FASTLOAD_TARGET("avx2")

namespace fastload {
namespace {

constexpr int kOne = 1 << kWarpBits;


constexpr int kEight = 8;

inline __m256i load(const void* from) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline void store(void* to, __m256i values) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(to), values); }

// Where pixels lie on an axis: between which neighbours, and how far from the first one, in 128ths.
struct Axis {
  __m256i first, part;

  // Beyond the ends of the axis, whose last pixel but one is `last_pair`, its end pixels are repeated.
  Axis(__m256i places, int last_pair) noexcept {
    const __m256i at = _mm256_srai_epi32(places, kWarpBits), end = _mm256_set1_epi32(last_pair);
    const __m256i zero = _mm256_setzero_si256();
    first = _mm256_min_epi32(_mm256_max_epi32(at, zero), end);
    const __m256i within = _mm256_and_si256(places, _mm256_set1_epi32(kOne - 1));
    part = _mm256_andnot_si256(_mm256_cmpgt_epi32(zero, at), within);
    part = _mm256_blendv_epi8(part, _mm256_set1_epi32(kOne), _mm256_cmpgt_epi32(at, end));
  }
};

// Where a run of pixels lies in the image, and their weights, worked out before pixels are read: numbers that were just
// written by one instruction are slow to be read one by one.
struct Run {
  static constexpr int kPixels = 64;
  alignas(32) std::uint32_t at[kPixels];
  alignas(32) std::int32_t down[kPixels];   // twice (d - 128, -d) in bytes
  alignas(32) std::int32_t right[kPixels];  // (r - 128, -r) in 16 bits
  bool is_all_there = false;  // no place is before the image's first byte

  // count: a multiple of eight. skipped: bytes before a pixel at which reading begins.
  Run(ImageView in, const std::int32_t* x, const std::int32_t* y, int count, int skipped) noexcept {
    __m256i signs = _mm256_setzero_si256();
    const __m256i row_bytes = _mm256_set1_epi32(static_cast<int>(in.row_bytes));
    for (int i = 0; i < count; i += kEight) {
      const Axis columns(load(x + i), in.width - 2), rows(load(y + i), in.height - 2);
      const __m256i row = _mm256_mullo_epi32(rows.first, row_bytes);
      const __m256i across = in.channels == 4 ? _mm256_slli_epi32(columns.first, 2)
                                              : _mm256_add_epi32(columns.first, _mm256_slli_epi32(columns.first, 1));
      const __m256i place = _mm256_sub_epi32(_mm256_add_epi32(row, across), _mm256_set1_epi32(skipped));
      signs = _mm256_or_si256(signs, place);
      store(at + i, place);
      const __m256i pair = both(rows.part, 8);
      store(down + i, _mm256_or_si256(pair, _mm256_slli_epi32(pair, 16)));
      store(right + i, both(columns.part, 16));
    }
    is_all_there = _mm256_movemask_ps(_mm256_castsi256_ps(signs)) == 0;
  }

 private:
  // The weights of a place's neighbours, as negative numbers of so many bits, side by side.
  static __m256i both(__m256i part, int bits) noexcept {
    const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
    const __m256i first = _mm256_and_si256(_mm256_sub_epi32(part, _mm256_set1_epi32(kOne)), mask);
    const __m256i second = _mm256_and_si256(_mm256_sub_epi32(_mm256_setzero_si256(), part), mask);
    return _mm256_or_si256(first, _mm256_slli_epi32(second, bits));
  }
};

// The four neighbours of a pixel, the upper two in the low half.
inline __m128i neighbours(const std::uint8_t* top, const std::uint8_t* bottom) noexcept {
  const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(top));
  return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(upper), reinterpret_cast<const __m64*>(bottom)));
}

// Where to find of each channel: upper left, lower left, upper right, lower right.
inline __m256i order_of(int channels) noexcept {
  const __m128i rgbx = _mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15);
  const __m128i rgb = _mm_setr_epi8(2, 10, 5, 13, 3, 11, 6, 14, 4, 12, 7, 15, 4, 12, 7, 15);
  return _mm256_broadcastsi128_si256(channels == 4 ? rgbx : rgb);
}

// Pixels k and k + 4 from `first` on, four channels of 32 bits each.
template <int k>
inline __m256i blend(const std::uint8_t* top, const std::uint8_t* bottom, __m256i order, const Run& run,
                     int first) noexcept {
  const std::uint32_t* at = run.at + first + k;
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(neighbours(top + at[0], bottom + at[0])),
                                               neighbours(top + at[4], bottom + at[4]), 1);
  const __m256i down = _mm256_shuffle_epi32(load(run.down + first), 0x55 * k);
  const __m256i right = _mm256_shuffle_epi32(load(run.right + first), 0x55 * k);
  const __m256i sums = _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_shuffle_epi8(both, order), down), right);
  return _mm256_srli_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(1 << (2 * kWarpBits - 1))), 2 * kWarpBits);
}

}  // namespace

int bilinear_run_avx2(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                      std::uint8_t* out) noexcept {
  const bool is_small = in.height * std::int64_t{in.row_bytes} < kMostWarpBytes;
  if (!is_small || in.width < 2 || in.height < 2) return 0;
  const int whole = count / kEight * kEight;
  const std::uint8_t *top = in.data, *bottom = in.data + in.row_bytes;
  // Eight bytes are read for a pair of pixels: of RGB, whose pairs have six, those up to the pair's end.
  const int skipped = in.channels == 4 ? 0 : 2;
  const __m256i order = order_of(in.channels);
  for (int begin = 0; begin < whole; begin += Run::kPixels) {
    const int end = std::min(whole, begin + Run::kPixels);
    const Run run(in, x + begin, y + begin, end - begin, skipped);
    if (!run.is_all_there) return begin;
    for (int i = begin; i < end; i += kEight) {
      const int at = i - begin;
      const __m256i low = _mm256_packs_epi32(blend<0>(top, bottom, order, run, at), blend<1>(top, bottom, order, run, at));
      const __m256i high = _mm256_packs_epi32(blend<2>(top, bottom, order, run, at), blend<3>(top, bottom, order, run, at));
      store(out + std::ptrdiff_t{4} * i, _mm256_packus_epi16(low, high));
    }
  }
  return whole;
}

void fixed_places_avx2(const Matrix3& to_in, double y, int begin, int count, std::int32_t* xs,
                       std::int32_t* ys) noexcept {
  const auto& m = to_in.m;
  const double u = m[0][1] * y + m[0][2], v = m[1][1] * y + m[1][2], w = m[2][1] * y + m[2][2];
  constexpr double kUnit = kOne;
  for (int i = 0; i < count; ++i) {
    const double x = begin + i + 0.5;
    const double weight = m[2][0] * x + w;
    const double px = (m[0][0] * x + u) / weight, py = (m[1][0] * x + v) / weight;
    const double near_x = px < -kFarthest ? -kFarthest : px > kFarthest ? kFarthest : px;
    const double near_y = py < -kFarthest ? -kFarthest : py > kFarthest ? kFarthest : py;
    xs[i] = static_cast<std::int32_t>(__builtin_floor(near_x * kUnit - kUnit / 2 + 0.5));
    ys[i] = static_cast<std::int32_t>(__builtin_floor(near_y * kUnit - kUnit / 2 + 0.5));
  }
}

void even_run_avx2(std::int64_t start, std::int64_t step, int count, std::int32_t* out) noexcept {
  __m256i low = _mm256_setr_epi64x(start, start + step, start + 2 * step, start + 3 * step);
  __m256i high = _mm256_add_epi64(low, _mm256_set1_epi64x(4 * step));
  const __m256i eight_steps = _mm256_set1_epi64x(8 * step);
  int done = 0;
  for (; done + 8 <= count; done += 8) {
    const __m256 halves = _mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), 0xDD);
    const __m256i places = _mm256_permute4x64_epi64(_mm256_castps_si256(halves), 0xD8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + done), places);
    low = _mm256_add_epi64(low, eight_steps);
    high = _mm256_add_epi64(high, eight_steps);
  }
  even_run(start + done * step, step, count - done, out + done);
}

namespace avx2 {

#include "kernels/warp_loops.inl"

}  // namespace avx2
}  // namespace fastload

FASTLOAD_END_TARGET

#endif
