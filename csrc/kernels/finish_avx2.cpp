#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>

#include "core/target.h"
#include "kernels/finish_rows.h"

FASTLOAD_TARGET("avx2,fma")

namespace fastload::avx2 {

struct Lanes {
  using Floats = __m256;
  using Ints = __m256i;
  static constexpr int kCount = 8;

  static Floats all(float value) noexcept { return _mm256_set1_ps(value); }
  static Floats load(const float* from) noexcept { return _mm256_loadu_ps(from); }
  static void store(float* to, Floats values, bool streamed) noexcept {
    streamed ? _mm256_stream_ps(to, values) : _mm256_storeu_ps(to, values);
  }
  static Ints load_ints(const void* from) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static Floats float_of(Ints values) noexcept { return _mm256_cvtepi32_ps(values); }
  static Floats multiply(Floats a, Floats b) noexcept { return _mm256_mul_ps(a, b); }
  static Floats subtract(Floats a, Floats b) noexcept { return _mm256_sub_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) noexcept { return _mm256_fmadd_ps(a, b, c); }

  static Ints backwards(Ints values) noexcept {
    return _mm256_permutevar8x32_epi32(values, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0));
  }
  template <int kByte>
  static Ints byte_of(Ints pixels) noexcept {
    const __m128i four = _mm_setr_epi32(kByte, kByte + 4, kByte + 8, kByte + 12);
    return _mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(_mm_or_si128(four, _mm_set1_epi32(~0xFF))));
  }
  // The pixels' first three bytes in turn, of those the kPart-th eight.
  template <int kPart>
  static Ints third_of(Ints pixels) noexcept {
    static constexpr std::int32_t kPixel[24] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7};
    static constexpr std::int32_t kBits[10] = {0, 8, 16, 0, 8, 16, 0, 8, 16, 0};
    const Ints moved = _mm256_srlv_epi32(_mm256_permutevar8x32_epi32(pixels, load_ints(kPixel + 8 * kPart)),
                                         load_ints(kBits + 8 * kPart % 3));
    return _mm256_and_si256(moved, _mm256_set1_epi32(0xFF));
  }
};

#include "kernels/finish_loops.inl"

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
