#if defined(__x86_64__)

#include <cstddef>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/finish_rows.h"

FASTLOAD_TARGET("avx2,fma,avx512f,avx512bw")

namespace fastload::avx512 {

struct Lanes {
  using Floats = __m512;
  using Ints = __m512i;
  static constexpr int kCount = 16;

  static Floats all(float value) noexcept { return _mm512_set1_ps(value); }
  static Floats load(const float* from) noexcept { return _mm512_loadu_ps(from); }
  static void store(float* to, Floats values, bool streamed) noexcept {
    streamed ? _mm512_stream_ps(to, values) : _mm512_storeu_ps(to, values);
  }
  static Ints load_ints(const void* from) noexcept { return _mm512_loadu_si512(from); }
  static Floats float_of(Ints values) noexcept { return _mm512_cvtepi32_ps(values); }
  static Floats multiply(Floats a, Floats b) noexcept { return _mm512_mul_ps(a, b); }
  static Floats subtract(Floats a, Floats b) noexcept { return _mm512_sub_ps(a, b); }
  static Floats multiply_add(Floats a, Floats b, Floats c) noexcept { return _mm512_fmadd_ps(a, b, c); }

  static Ints backwards(Ints values) noexcept {
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), values);
  }
  template <int kByte>
  static Ints byte_of(Ints pixels) noexcept {
    const __m128i four = _mm_setr_epi32(kByte, kByte + 4, kByte + 8, kByte + 12);
    return _mm512_shuffle_epi8(pixels, _mm512_broadcast_i32x4(_mm_or_si128(four, _mm_set1_epi32(~0xFF))));
  }
  // The pixels' first three bytes in turn, of those the kPart-th sixteen.
  template <int kPart>
  static Ints third_of(Ints pixels) noexcept {
    alignas(64) static constexpr std::int32_t kPixel[48] = {0,  0,  0,  1,  1,  1,  2,  2,  2,  3,  3,  3,  4,  4,  4,  5,
                                                            5,  5,  6,  6,  6,  7,  7,  7,  8,  8,  8,  9,  9,  9,  10, 10,
                                                            10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15};
    alignas(64) static constexpr std::int32_t kBits[18] = {0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16, 0, 8, 16};
    const Ints moved = _mm512_srlv_epi32(_mm512_permutexvar_epi32(_mm512_load_si512(kPixel + 16 * kPart), pixels),
                                         _mm512_loadu_si512(kBits + kPart));
    return _mm512_and_si512(moved, _mm512_set1_epi32(0xFF));
  }
};

#include "kernels/finish_loops.inl"

}  // namespace fastload::avx512

FASTLOAD_END_TARGET

#endif
