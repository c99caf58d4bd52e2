#if defined(__x86_64__)

#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "core/target.h"
#include "kernels/color_rows.h"

FASTLOAD_TARGET("avx2,fma")

namespace fastload::avx2 {

#include "kernels/color_loops.inl"

// The weight of green does not fit 16 bits with a sign: 65536 less is taken, and green itself added at the end.
void grey_run(std::uint8_t* pixels, int count) noexcept {
  const __m256i red_and_blue = _mm256_set1_epi32(7471 << 16 | 19595);
  const __m256i green_less = _mm256_set1_epi32(static_cast<std::uint16_t>(38470 - 65536));
  const __m256i pairs = _mm256_set1_epi32(0x00FF00FF), low = _mm256_set1_epi32(0xFF);
  const __m256i spread = _mm256_setr_epi8(0, 0, 0, -1, 4, 4, 4, -1, 8, 8, 8, -1, 12, 12, 12, -1,  //
                                          0, 0, 0, -1, 4, 4, 4, -1, 8, 8, 8, -1, 12, 12, 12, -1);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    auto* place = reinterpret_cast<__m256i*>(pixels + std::ptrdiff_t{4} * i);
    const __m256i words = _mm256_loadu_si256(place);
    const __m256i green = _mm256_and_si256(_mm256_srli_epi32(words, 8), low);
    __m256i sum = _mm256_madd_epi16(_mm256_and_si256(words, pairs), red_and_blue);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(green, green_less));
    sum = _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(0x8000)), 16);
    const __m256i grey = _mm256_shuffle_epi8(_mm256_add_epi32(sum, green), spread);
    _mm256_storeu_si256(place, _mm256_or_si256(grey, _mm256_set1_epi32(static_cast<int>(0xFF000000u))));
  }
  for (; i < count; ++i) put_grey(pixels, i);
}

namespace {

// What the weights of one channel make of eight pixels: red and blue in pairs of 16 bits, and green beside a byte that
// means nothing.
struct ChannelMix {
  __m256i red_and_blue, green, constant;
  ChannelMix(const ColorMix& mix, int channel) noexcept {
    const auto& weights = mix.weights[channel];
    const std::uint32_t blue = static_cast<std::uint16_t>(weights[2]), red = static_cast<std::uint16_t>(weights[0]);
    red_and_blue = _mm256_set1_epi32(static_cast<int>(blue << 16 | red));
    green = _mm256_set1_epi32(static_cast<std::uint16_t>(weights[1]));
    constant = _mm256_set1_epi32(mix.constants[channel]);
  }
  __m256i operator()(__m256i reds_and_blues, __m256i greens) const noexcept {
    const __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(reds_and_blues, red_and_blue), constant);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_madd_epi16(greens, green)), kMixBits);
  }
};

}  // namespace

// Sums are cut off by packing: to 16 bits with a sign, which holds them all, and to 8 without.
void mix_run(std::uint8_t* pixels, int count, const ColorMix& mix) noexcept {
  const ChannelMix red(mix, 0), green(mix, 1), blue(mix, 2);
  const __m256i pairs = _mm256_set1_epi32(0x00FF00FF), full = _mm256_set1_epi32(255);
  const __m256i by_pixel = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                            0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    auto* place = reinterpret_cast<__m256i*>(pixels + std::ptrdiff_t{4} * i);
    const __m256i words = _mm256_loadu_si256(place);
    const __m256i reds_and_blues = _mm256_and_si256(words, pairs);
    const __m256i greens = _mm256_and_si256(_mm256_srli_epi32(words, 8), pairs);
    const __m256i reds = red(reds_and_blues, greens), blues = blue(reds_and_blues, greens);
    const __m256i made = _mm256_packus_epi16(_mm256_packs_epi32(reds, green(reds_and_blues, greens)),
                                             _mm256_packs_epi32(blues, full));
    _mm256_storeu_si256(place, _mm256_shuffle_epi8(made, by_pixel));
  }
  for (; i < count; ++i) put_mixed(pixels, i, mix);
}

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
