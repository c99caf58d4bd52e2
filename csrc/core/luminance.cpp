#include "core/luminance.h"

#include <cstddef>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fastload {
namespace {

#if defined(__SSE2__)
// Four pixels' luminance in 32 bits each.
__m128i luminance(__m128i pixels) noexcept {
  constexpr int kRed = kLuminance[0], kBlue = kLuminance[2];
  const __m128i red_blue = _mm_and_si128(pixels, _mm_set1_epi32(0x00FF00FF));
  const __m128i green = _mm_and_si128(_mm_srli_epi32(pixels, 8), _mm_set1_epi32(0xFF));
  const __m128i greens = _mm_or_si128(green, _mm_slli_epi32(green, 16));
  const __m128i sum = _mm_add_epi32(_mm_madd_epi16(red_blue, _mm_set1_epi32(kBlue << 16 | kRed)),
                                    _mm_madd_epi16(greens, _mm_set1_epi16(kHalfOfGreen)));
  return _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(0x8000)), 16);
}

// As many pixels as go by sixteens; returns how many.
int grey_by_sixteens(const std::uint8_t* rgbx, int pixels, std::uint8_t* grey) noexcept {
  int x = 0;
  for (; x + 16 <= pixels; x += 16) {
    const auto* from = reinterpret_cast<const __m128i*>(rgbx + std::ptrdiff_t{4} * x);
    const __m128i a = luminance(_mm_loadu_si128(from)), b = luminance(_mm_loadu_si128(from + 1));
    const __m128i c = luminance(_mm_loadu_si128(from + 2)), d = luminance(_mm_loadu_si128(from + 3));
    const __m128i packed = _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(grey + x), packed);
  }
  return x;
}
#else
int grey_by_sixteens(const std::uint8_t*, int, std::uint8_t*) noexcept { return 0; }
#endif

}  // namespace

void rgbx_to_grey(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  for (int x = grey_by_sixteens(in, pixels, out); x < pixels; ++x) {
    const std::uint8_t* pixel = in + std::ptrdiff_t{4} * x;
    out[x] = luminance(pixel[0], pixel[1], pixel[2]);
  }
}

}  // namespace fastload
