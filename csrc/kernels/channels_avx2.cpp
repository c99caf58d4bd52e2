// Pixels of three bytes to pixels of four and back, eight at a time.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "core/luminance.h"
#include "core/target.h"
#include "kernels/channels.h"

FASTLOAD_TARGET("avx2")

namespace fastload::avx2 {
namespace {

inline __m256i load(const std::uint8_t* data) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
}

inline void store(std::uint8_t* data, __m256i value) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(data), value);
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

// Sums are upper halves of 32 bits.
int rgb_to_grey_rgb(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  constexpr int kRed = kLuminance[0], kBlue = kLuminance[2];
  const __m256i reds_and_blues = in_both_halves(0, -1, 2, -1, 3, -1, 5, -1, 6, -1, 8, -1, 9, -1, 11, -1);
  const __m256i greens = in_both_halves(1, -1, 1, -1, 4, -1, 4, -1, 7, -1, 7, -1, 10, -1, 10, -1);
  const __m256i three_times = in_both_halves(2, 2, 2, 6, 6, 6, 10, 10, 10, 14, 14, 14, -1, -1, -1, -1);
  const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
  int x = 0;
  for (; x + 11 <= pixels; x += 8) {  // 28 bytes are read and 32 written for 24
    const std::uint8_t* data = in + std::ptrdiff_t{3} * x;
    const __m256i bytes = load_halves(data, data + 12);
    const __m256i of_two = _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, reds_and_blues), _mm256_set1_epi32(kBlue << 16 | kRed));
    const __m256i of_green = _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, greens), _mm256_set1_epi16(kHalfOfGreen));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(of_two, of_green), _mm256_set1_epi32(0x8000));
    store(out + std::ptrdiff_t{3} * x, _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(sum, three_times), join));
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

namespace {

// Of 32 pixels, in four vectors, three planes.
inline void split(const __m256i* pixels, std::uint8_t* const* planes) noexcept {
  const __m256i gather = in_both_halves(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m256i join = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i fours[4];  // of each half, four reds, greens, blues and more
  for (int i = 0; i < 4; ++i) fours[i] = _mm256_shuffle_epi8(pixels[i], gather);
  const __m256i first = _mm256_unpacklo_epi32(fours[0], fours[1]), second = _mm256_unpacklo_epi32(fours[2], fours[3]);
  const __m256i blues = _mm256_unpacklo_epi64(_mm256_unpackhi_epi32(fours[0], fours[1]),
                                              _mm256_unpackhi_epi32(fours[2], fours[3]));
  store(planes[0], _mm256_permutevar8x32_epi32(_mm256_unpacklo_epi64(first, second), join));
  store(planes[1], _mm256_permutevar8x32_epi32(_mm256_unpackhi_epi64(first, second), join));
  store(planes[2], _mm256_permutevar8x32_epi32(blues, join));
}

}  // namespace

// The last block may hold some that another has, too.
int rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept {
  constexpr int kPixels = 32;
  if (width < kPixels) return 0;
  for (int next = 0; next < width; next += kPixels) {
    const int x = std::min(next, width - kPixels);
    __m256i pixels[4];
    for (int i = 0; i < 4; ++i) pixels[i] = load_pixels(in, width, x + 8 * i, reversed);
    std::uint8_t* const to[3] = {planes[0] + x, planes[1] + x, planes[2] + x};
    split(pixels, to);
  }
  return width;
}

namespace {

#include "kernels/byte_blocks.inl"

// 32 pixels in reverse: two blocks of 16, one in each half. The three vectors of a block come out of its three, the last
// one first.
inline void reverse_block(const std::uint8_t* in, std::uint8_t* out) noexcept {
  const __m256i to_0_from_2 = in_both_halves(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, -1);
  const __m256i to_0_from_1 = in_both_halves(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 14);
  const __m256i to_1_from_2 = in_both_halves(-1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i to_1_from_1 = in_both_halves(15, -1, 11, 12, 13, 8, 9, 10, 5, 6, 7, 2, 3, 4, -1, 0);
  const __m256i to_1_from_0 = in_both_halves(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 15, -1);
  const __m256i to_2_from_1 = in_both_halves(1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i to_2_from_0 = in_both_halves(-1, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
  const std::uint8_t* last = in + 48;
  const __m256i a = load_halves(last, in), b = load_halves(last + 16, in + 16), c = load_halves(last + 32, in + 32);
  const __m256i first = _mm256_or_si256(_mm256_shuffle_epi8(c, to_0_from_2), _mm256_shuffle_epi8(b, to_0_from_1));
  const __m256i second =
      _mm256_or_si256(_mm256_or_si256(_mm256_shuffle_epi8(c, to_1_from_2), _mm256_shuffle_epi8(b, to_1_from_1)),
                      _mm256_shuffle_epi8(a, to_1_from_0));
  const __m256i third = _mm256_or_si256(_mm256_shuffle_epi8(b, to_2_from_1), _mm256_shuffle_epi8(a, to_2_from_0));
  store(out, _mm256_permute2x128_si256(first, second, 0x20));
  store(out + 32, _mm256_permute2x128_si256(third, first, 0x30));
  store(out + 64, _mm256_permute2x128_si256(second, third, 0x31));
}

}  // namespace

// Read from its start: processors fetch ahead what is read forwards. The last block may hold some that another has, too.
int reversed_rgb(const std::uint8_t* in, int width, std::uint8_t* out) noexcept {
  constexpr int kPixels = 32;
  if (width < kPixels) return 0;
  for (int x = 0; x < width; x += kPixels) {
    const int from = x + kPixels <= width ? x : width - kPixels;
    reverse_block(in + std::ptrdiff_t{3} * from, out + std::ptrdiff_t{3} * (width - kPixels - from));
  }
  return width;
}

void copy_bytes(const std::uint8_t* in, std::ptrdiff_t count, std::uint8_t* out) noexcept {
  if (count < 32) {
    std::memcpy(out, in, static_cast<std::size_t>(count));
    return;
  }
  make_blocks(in, count, [&](__m256i bytes) { return bytes; }, out);
  store(out + count - 32, load(in + count - 32));
}

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
