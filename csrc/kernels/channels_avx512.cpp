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

// 64 pixels in reverse, three vectors: where each byte of each comes from. The middle one has bytes of all three; all
// other bytes of a vector are in two.
constexpr int kTurned = 64;
struct Turned {
  alignas(64) std::uint8_t from[3][64];
  constexpr Turned() : from{} {
    for (int i = 0; i < 3 * kTurned; ++i) {
      from[i / 64][i % 64] = static_cast<std::uint8_t>(3 * (kTurned - 1 - i / 3) + i % 3);
    }
  }
};
constexpr Turned kTurn;

inline void reverse_block(const std::uint8_t* in, std::uint8_t* out) noexcept {
  const __m512i a = _mm512_loadu_si512(in), b = _mm512_loadu_si512(in + 64), c = _mm512_loadu_si512(in + 128);
  const __m512i first = _mm512_load_si512(kTurn.from[0]), second = _mm512_load_si512(kTurn.from[1]),
                third = _mm512_load_si512(kTurn.from[2]);
  const __mmask64 of_c = _mm512_movepi8_mask(second);  // from 128 on; indices count modulo 64, or 128 in two vectors
  const __m512i middle = _mm512_permutex2var_epi8(a, second, b);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi8(c, first, b));
  _mm512_storeu_si512(out + 64, _mm512_mask_permutexvar_epi8(middle, of_c, second, c));
  _mm512_storeu_si512(out + 128, _mm512_permutex2var_epi8(a, third, b));
}

// Every fourth byte of two vectors, from the first on; or of each of them from the last on.
struct Fourth {
  alignas(64) std::uint8_t from[2][64];
  constexpr Fourth() : from{} {
    for (int i = 0; i < 64; ++i) {
      from[0][i] = static_cast<std::uint8_t>(4 * (i % 32));
      from[1][i] = static_cast<std::uint8_t>(4 * (i % 32 / 16 * 16 + 15 - i % 16));
    }
  }
};
constexpr Fourth kFourth;

}  // namespace

// The last block may hold some that another has, too.
int rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept {
  constexpr int kBlock = 64, kAtOnce = 16;
  if (width < kBlock) return 0;
  for (int next = 0; next < width; next += kBlock) {
    const int x = std::min(next, width - kBlock);
    __m512i pixels[4];
    for (int i = 0; i < 4; ++i) {
      const int at = x + kAtOnce * i;
      pixels[i] = _mm512_loadu_si512(in + std::ptrdiff_t{4} * (reversed ? width - kAtOnce - at : at));
    }
    for (int c = 0; c < 3; ++c) {
      const __m512i from = _mm512_add_epi8(_mm512_load_si512(kFourth.from[reversed]), _mm512_set1_epi8(static_cast<char>(c)));
      const __m512i low = _mm512_permutex2var_epi8(pixels[0], from, pixels[1]);
      const __m512i high = _mm512_permutex2var_epi8(pixels[2], from, pixels[3]);
      _mm512_storeu_si512(planes[c] + x, _mm512_shuffle_i64x2(low, high, 0x44));
    }
  }
  return width;
}

// Read from its start: processors fetch ahead what is read forwards. The last block may hold some that another has, too.
int reversed_rgb(const std::uint8_t* in, int width, std::uint8_t* out) noexcept {
  if (width < kTurned) return 0;
  for (int x = 0; x < width; x += kTurned) {
    const int from = std::min(x, width - kTurned);
    reverse_block(in + std::ptrdiff_t{3} * from, out + std::ptrdiff_t{3} * (width - kTurned - from));
  }
  return width;
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
