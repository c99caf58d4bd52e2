#include "codecs/pixels.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fastload {
namespace {

// a * b / 255, rounded.
constexpr int scaled(int a, int b) noexcept {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

#if defined(__SSE2__)
// Four pixels' luminance in 32 bits each. Green's weight is too large for a signed 16-bit factor, half of it is not.
__m128i luminance(__m128i pixels) noexcept {
  const __m128i red_blue = _mm_and_si128(pixels, _mm_set1_epi32(0x00FF00FF));
  const __m128i green = _mm_and_si128(_mm_srli_epi32(pixels, 8), _mm_set1_epi32(0xFF));
  const __m128i greens = _mm_or_si128(green, _mm_slli_epi32(green, 16));
  const __m128i sum = _mm_add_epi32(_mm_madd_epi16(red_blue, _mm_set1_epi32(7471 << 16 | 19595)),
                                    _mm_madd_epi16(greens, _mm_set1_epi32(19235 << 16 | 19235)));
  return _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(0x8000)), 16);
}

// As many pixels as go by sixteens; returns how many.
int grey_by_sixteens(const std::uint8_t* rgbx, int pixels, std::uint8_t* grey) noexcept {
  int x = 0;
  for (; x + 16 <= pixels; x += 16) {
    const auto* from = reinterpret_cast<const __m128i*>(rgbx + 4 * x);
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

void grey_from_rgbx(const std::uint8_t* rgbx, int pixels, std::uint8_t* grey) noexcept {
  for (int x = grey_by_sixteens(rgbx, pixels, grey); x < pixels; ++x) {
    const std::uint32_t red = rgbx[4 * x], green = rgbx[4 * x + 1], blue = rgbx[4 * x + 2];
    // ITU-R 601's weights in 1/65536
    grey[x] = static_cast<std::uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
  }
}

void rgb_from_cmyk(const std::uint8_t* cmyk, int pixels, int bytes_per_pixel, std::uint8_t* rgb) noexcept {
  for (int x = 0; x < pixels; ++x) {
    const int black = cmyk[4 * x + 3];  // inverted, as the others: 255 is none
    const int red = black - scaled(255 - cmyk[4 * x], black);
    const int green = black - scaled(255 - cmyk[4 * x + 1], black);
    const int blue = black - scaled(255 - cmyk[4 * x + 2], black);
    std::uint8_t* out = rgb + bytes_per_pixel * x;
    out[0] = static_cast<std::uint8_t>(red);
    out[1] = static_cast<std::uint8_t>(green);
    out[2] = static_cast<std::uint8_t>(blue);
    if (bytes_per_pixel == 4) out[3] = 255;
  }
}

}  // namespace fastload
