// Eight pixels at a time, two in a register, where all their neighbours lie in the image. Weights are taken as negative:
// -128 fits a signed byte, 128 does not, and of two negative factors the product is what it should be.
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

constexpr std::int64_t kMostBytes = std::int64_t{1} << 31;  // offsets are counted in 32 bits

struct Weights {
  __m256i down;   // for each pixel, twice (d - 128, -d) in bytes
  __m256i right;  // (r - 128, -r) in 16 bits
};

inline Weights weights_of(__m256i x, __m256i y) noexcept {
  const __m256i mask = _mm256_set1_epi32(kOne - 1), one = _mm256_set1_epi32(kOne), zero = _mm256_setzero_si256();
  const __m256i r = _mm256_and_si256(x, mask), d = _mm256_and_si256(y, mask);
  const __m256i far_down = _mm256_and_si256(_mm256_sub_epi32(d, one), _mm256_set1_epi32(0xFF));
  const __m256i near_down = _mm256_and_si256(_mm256_sub_epi32(zero, d), _mm256_set1_epi32(0xFF));
  const __m256i pair = _mm256_or_si256(far_down, _mm256_slli_epi32(near_down, 8));
  const __m256i far_right = _mm256_and_si256(_mm256_sub_epi32(r, one), _mm256_set1_epi32(0xFFFF));
  return {_mm256_or_si256(pair, _mm256_slli_epi32(pair, 16)),
          _mm256_or_si256(far_right, _mm256_slli_epi32(_mm256_sub_epi32(zero, r), 16))};
}

// The four neighbours of a pixel, the upper two in the low half.
inline __m128i neighbours(const std::uint8_t* top, const std::uint8_t* bottom) noexcept {
  const __m128i upper = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(top));
  return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(upper), reinterpret_cast<const __m64*>(bottom)));
}

// Pixels k and k + 4 of eight, four channels of 32 bits each.
template <int k>
inline __m256i blend(const std::uint8_t* top, const std::uint8_t* bottom, const std::uint32_t* at,
                     const Weights& weights) noexcept {
  // Of each channel: upper left, lower left, upper right, lower right.
  const __m256i order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15));
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(neighbours(top + at[k], bottom + at[k])),
                                               neighbours(top + at[k + 4], bottom + at[k + 4]), 1);
  __m256i sums = _mm256_maddubs_epi16(_mm256_shuffle_epi8(both, order), _mm256_shuffle_epi32(weights.down, 0x55 * k));
  sums = _mm256_madd_epi16(sums, _mm256_shuffle_epi32(weights.right, 0x55 * k));
  return _mm256_srli_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(1 << (2 * kWarpBits - 1))), 2 * kWarpBits);
}

}  // namespace

int bilinear_run_avx2(ImageView in, const std::int32_t* x, const std::int32_t* y, int count,
                      std::uint8_t* out) noexcept {
  if (in.height * std::int64_t{in.row_bytes} >= kMostBytes) return 0;
  const __m256i last_column = _mm256_set1_epi32(in.width - 1), last_row = _mm256_set1_epi32(in.height - 1);
  const __m256i row_bytes = _mm256_set1_epi32(static_cast<int>(in.row_bytes)), none = _mm256_set1_epi32(-1);
  const std::uint8_t* bottom = in.data + in.row_bytes;
  int done = 0;
  for (; done + 8 <= count; done += 8) {
    const __m256i xs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + done));
    const __m256i ys = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(y + done));
    const __m256i columns = _mm256_srai_epi32(xs, kWarpBits), rows = _mm256_srai_epi32(ys, kWarpBits);
    __m256i inside = _mm256_and_si256(_mm256_cmpgt_epi32(last_column, columns), _mm256_cmpgt_epi32(columns, none));
    inside = _mm256_and_si256(inside, _mm256_cmpgt_epi32(last_row, rows));
    inside = _mm256_and_si256(inside, _mm256_cmpgt_epi32(rows, none));
    if (_mm256_movemask_epi8(inside) != -1) {
      bilinear_run(in, x + done, y + done, 8, out + std::ptrdiff_t{4} * done);
      continue;
    }
    alignas(32) std::uint32_t at[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(at),
                       _mm256_add_epi32(_mm256_mullo_epi32(rows, row_bytes), _mm256_slli_epi32(columns, 2)));
    const Weights weights = weights_of(xs, ys);
    const __m256i low = _mm256_packs_epi32(blend<0>(in.data, bottom, at, weights), blend<1>(in.data, bottom, at, weights));
    const __m256i high = _mm256_packs_epi32(blend<2>(in.data, bottom, at, weights), blend<3>(in.data, bottom, at, weights));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + std::ptrdiff_t{4} * done), _mm256_packus_epi16(low, high));
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
