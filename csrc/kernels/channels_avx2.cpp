// Pixels of three bytes to pixels of four and back, eight at a time.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "core/target.h"
#include "kernels/channels.h"

FASTLOAD_TARGET("avx2")

namespace fastload::avx2 {
namespace {

inline __m256i load(const std::uint8_t* data) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
}

inline __m128i load_half(const std::uint8_t* data) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
}

inline __m256i load_halves(const std::uint8_t* low, const std::uint8_t* high) noexcept {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(low)), load_half(high), 1);
}

template <class... Bytes>
inline __m256i in_both_halves(Bytes... bytes) noexcept {
  return _mm256_broadcastsi128_si256(_mm_setr_epi8(static_cast<char>(bytes)...));
}

// Eight pixels of a row that is read from its end.
inline __m256i load_pixels(const std::uint8_t* in, int width, int x, bool reversed) noexcept {
  const __m256i pixels = load(in + std::ptrdiff_t{4} * (reversed ? width - 8 - x : x));
  return reversed ? _mm256_permutevar8x32_epi32(pixels, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)) : pixels;
}

}  // namespace

int rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,  //
                                          0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  int x = 0;
  for (; x + 10 <= pixels; x += 8) {  // 28 bytes are read for 24
    const std::uint8_t* data = in + std::ptrdiff_t{3} * x;
    const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(data)), load_half(data + 12), 1);
    const __m256i made = _mm256_or_si256(_mm256_shuffle_epi8(bytes, spread),
                                         _mm256_set1_epi32(static_cast<int>(0xFF000000u)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + std::ptrdiff_t{4} * x), made);
  }
  return x;
}

int rgbx_to_rgb(const std::uint8_t* in, int width, bool reversed, std::uint8_t* out) noexcept {
  const __m256i pack = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,  //
                                        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
  int x = 0;
  for (; x + 11 <= width; x += 8) {  // 32 bytes are written for 24
    const __m256i packed = _mm256_shuffle_epi8(load_pixels(in, width, x, reversed), pack);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + std::ptrdiff_t{3} * x),
                        _mm256_permutevar8x32_epi32(packed, join));
  }
  return x;
}

int rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept {
  const __m256i gather = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                          0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m256i join = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  int x = 0;
  for (; x + 8 <= width; x += 8) {
    const __m256i grouped = _mm256_shuffle_epi8(load_pixels(in, width, x, reversed), gather);
    const __m256i joined = _mm256_permutevar8x32_epi32(grouped, join);
    const __m128i low = _mm256_castsi256_si128(joined);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(planes[0] + x), low);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(planes[1] + x), _mm_unpackhi_epi64(low, low));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(planes[2] + x), _mm256_extracti128_si256(joined, 1));
  }
  return x;
}

// Two blocks of 16 pixels, one in each half: the three vectors of a block come out of its three, the last one first.
int reversed_rgb(const std::uint8_t* in, int width, std::uint8_t* out) noexcept {
  const __m256i to_0_from_2 = in_both_halves(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, -1);
  const __m256i to_0_from_1 = in_both_halves(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 14);
  const __m256i to_1_from_2 = in_both_halves(-1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i to_1_from_1 = in_both_halves(15, -1, 11, 12, 13, 8, 9, 10, 5, 6, 7, 2, 3, 4, -1, 0);
  const __m256i to_1_from_0 = in_both_halves(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 15, -1);
  const __m256i to_2_from_1 = in_both_halves(1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i to_2_from_0 = in_both_halves(-1, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
  int x = 0;
  for (; x + 32 <= width; x += 32) {
    const std::uint8_t* second = in + std::ptrdiff_t{3} * (width - 32 - x);
    const std::uint8_t* first = second + 48;
    const __m256i a = load_halves(first, second), b = load_halves(first + 16, second + 16),
                  c = load_halves(first + 32, second + 32);
    const __m256i made[3] = {
        _mm256_or_si256(_mm256_shuffle_epi8(c, to_0_from_2), _mm256_shuffle_epi8(b, to_0_from_1)),
        _mm256_or_si256(_mm256_or_si256(_mm256_shuffle_epi8(c, to_1_from_2), _mm256_shuffle_epi8(b, to_1_from_1)), _mm256_shuffle_epi8(a, to_1_from_0)),
        _mm256_or_si256(_mm256_shuffle_epi8(b, to_2_from_1), _mm256_shuffle_epi8(a, to_2_from_0))};
    std::uint8_t* place = out + std::ptrdiff_t{3} * x;
    for (int k = 0; k < 3; ++k, place += 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(place), _mm256_castsi256_si128(made[k]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(place + 48), _mm256_extracti128_si256(made[k], 1));
    }
  }
  return x;
}

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
