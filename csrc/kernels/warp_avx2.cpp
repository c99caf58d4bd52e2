// Eight pixels at a time where all their neighbours lie in the image. Levels become signed by taking 128 away: then a
// weight may be 128 itself, which signed bytes cannot hold, and pairs of products still fit 16 bits.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "core/target.h"
#include "kernels/warp_rows.h"

FASTLOAD_TARGET("avx2")

namespace fastload {
namespace {

constexpr int kOne = 1 << kWarpBits;

struct Weights {
  __m256i down;   // for each pixel, twice (128 - d, d) in bytes
  __m256i right;  // (128 - r, r) in 16 bits
};

inline Weights weights_of(__m256i x, __m256i y) noexcept {
  const __m256i mask = _mm256_set1_epi32(kOne - 1);
  const __m256i one = _mm256_set1_epi32(kOne);
  const __m256i r = _mm256_and_si256(x, mask);
  const __m256i d = _mm256_and_si256(y, mask);
  const __m256i pair = _mm256_or_si256(_mm256_sub_epi32(one, d), _mm256_slli_epi32(d, 8));
  return {_mm256_or_si256(pair, _mm256_slli_epi32(pair, 16)),
          _mm256_or_si256(_mm256_sub_epi32(one, r), _mm256_slli_epi32(r, 16))};
}

// The four neighbours of a pixel: (upper, lower) of each byte of the left one, then of the right one.
inline __m128i neighbours(const std::uint8_t* data, std::ptrdiff_t row_bytes) noexcept {
  const __m128i top = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(data));
  const __m128i bottom = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(data + row_bytes));
  return _mm_unpacklo_epi8(top, bottom);
}

// Pixels k and k + 4 of eight, four channels of 32 bits each.
template <int k>
inline __m256i blend(const std::uint8_t* data, std::ptrdiff_t row_bytes, const std::int64_t* at,
                     const Weights& weights) noexcept {
  const __m256i pick = _mm256_setr_epi32(k, k, k, k, k + 4, k + 4, k + 4, k + 4);
  const __m256i sides = _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,  //
                                         0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
  __m256i levels = _mm256_castsi128_si256(neighbours(data + at[k], row_bytes));
  levels = _mm256_inserti128_si256(levels, neighbours(data + at[k + 4], row_bytes), 1);
  levels = _mm256_xor_si256(levels, _mm256_set1_epi8(-128));
  __m256i sums = _mm256_maddubs_epi16(_mm256_permutevar8x32_epi32(weights.down, pick), levels);
  sums = _mm256_shuffle_epi8(sums, sides);
  sums = _mm256_madd_epi16(sums, _mm256_permutevar8x32_epi32(weights.right, pick));
  sums = _mm256_add_epi32(sums, _mm256_set1_epi32((128 << (2 * kWarpBits)) + (1 << (2 * kWarpBits - 1))));
  return _mm256_srai_epi32(sums, 2 * kWarpBits);
}

}  // namespace

int bilinear_run_avx2(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                      std::uint8_t* out) noexcept {
  const __m256i last_column = _mm256_set1_epi32(in.width - 1);
  const __m256i last_row = _mm256_set1_epi32(in.height - 1);
  const __m256i none = _mm256_set1_epi32(-1);
  int done = 0;
  for (; done + 8 <= count; done += 8) {
    const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + done));
    const __m256i ys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(y + done));
    const __m256i columns = _mm256_srai_epi32(xs, kWarpBits);
    const __m256i rows = _mm256_srai_epi32(ys, kWarpBits);
    __m256i inside = _mm256_and_si256(_mm256_cmpgt_epi32(last_column, columns), _mm256_cmpgt_epi32(columns, none));
    inside = _mm256_and_si256(inside, _mm256_cmpgt_epi32(last_row, rows));
    inside = _mm256_and_si256(inside, _mm256_cmpgt_epi32(rows, none));
    if (_mm256_movemask_epi8(inside) != -1) {
      bilinear_run(in, x + done, y + done, 8, out + 4 * done);
      continue;
    }
    std::int64_t at[8];
    for (int k = 0; k < 8; ++k) {
      at[k] = (y[done + k] >> kWarpBits) * static_cast<std::int64_t>(in.row_bytes) +
              (x[done + k] >> kWarpBits) * std::int64_t{4};
    }
    const Weights weights = weights_of(xs, ys);
    const __m256i low = _mm256_packs_epi32(blend<0>(in.data, in.row_bytes, at, weights),
                                           blend<1>(in.data, in.row_bytes, at, weights));
    const __m256i high = _mm256_packs_epi32(blend<2>(in.data, in.row_bytes, at, weights),
                                            blend<3>(in.data, in.row_bytes, at, weights));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 4 * done), _mm256_packus_epi16(low, high));
  }
  return done;
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
