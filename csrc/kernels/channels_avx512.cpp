// AVX-512 with VBMI: one permutation of bytes for sixteen pixels.
#if defined(__x86_64__)

#include <algorithm>
#include <cstddef>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/channels.h"

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512vl,avx512vbmi")

namespace fastload::avx512 {
namespace {

constexpr int kPixels = 16;
alignas(64) constexpr std::uint8_t kSpread[64] = {
    0,  1,  2,  0, 3,  4,  5,  0, 6,  7,  8,  0, 9,  10, 11, 0, 12, 13, 14, 0, 15, 16, 17, 0,  //
    18, 19, 20, 0, 21, 22, 23, 0, 24, 25, 26, 0, 27, 28, 29, 0, 30, 31, 32, 0, 33, 34, 35, 0,  //
    36, 37, 38, 0, 39, 40, 41, 0, 42, 43, 44, 0, 45, 46, 47, 0};
constexpr __mmask64 kColours = 0x7777777777777777u;  // three bytes of four

inline __mmask64 first_bytes(int count) noexcept {
  return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

inline __m512i spread(__m512i bytes) noexcept {
  const __m512i colours = _mm512_maskz_permutexvar_epi8(kColours, _mm512_load_si512(kSpread), bytes);
  return _mm512_or_si512(colours, _mm512_set1_epi32(static_cast<int>(0xFF000000u)));
}

// 21 pixels, the last one first, of the 64 bytes that end with them; the last byte is of no pixel.
constexpr int kTurned = 21;
struct Turned {
  alignas(64) std::uint8_t from[64];
  constexpr Turned() : from{} {
    for (int i = 0; i < 3 * kTurned; ++i) from[i] = static_cast<std::uint8_t>(1 + 3 * (kTurned - 1 - i / 3) + i % 3);
  }
};
constexpr Turned kTurn;

}  // namespace

void reversed_rgb(const std::uint8_t* in, int width, std::uint8_t* out) noexcept {
  const __m512i turn = _mm512_load_si512(kTurn.from);
  int x = 0;
  for (; x + kTurned < width; x += kTurned) {  // a pixel is left: one byte before them is read, and one behind written
    const std::uint8_t* end = in + std::ptrdiff_t{3} * (width - x);
    _mm512_storeu_si512(out + std::ptrdiff_t{3} * x, _mm512_permutexvar_epi8(turn, _mm512_loadu_si512(end - 64)));
  }
  const int left = 3 * (width - x);
  const __m512i last = _mm512_maskz_loadu_epi8(~first_bytes(64 - left), in + left - 64);
  _mm512_mask_storeu_epi8(out + std::ptrdiff_t{3} * x, first_bytes(left), _mm512_permutexvar_epi8(turn, last));
}

void rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  int x = 0;
  for (; 3 * x + 64 <= 3 * pixels; x += kPixels) {  // 64 bytes are read for 48
    _mm512_storeu_si512(out + std::ptrdiff_t{4} * x, spread(_mm512_loadu_si512(in + std::ptrdiff_t{3} * x)));
  }
  for (; x < pixels; x += kPixels) {
    const int count = std::min(kPixels, pixels - x);
    const __m512i bytes = _mm512_maskz_loadu_epi8(first_bytes(3 * count), in + std::ptrdiff_t{3} * x);
    _mm512_mask_storeu_epi8(out + std::ptrdiff_t{4} * x, first_bytes(4 * count), spread(bytes));
  }
}

}  // namespace fastload::avx512

FASTLOAD_END_TARGET

#endif
