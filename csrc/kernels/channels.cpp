#include "kernels/channels.h"

#include <cstring>

#include "core/cpu.h"
#include "core/luminance.h"

namespace fastload {
namespace {

void copy_bytes(const std::uint8_t* in, std::ptrdiff_t count, std::uint8_t* out) noexcept {
#if defined(__x86_64__)
  if (simd() != Simd::kScalar) return avx2::copy_bytes(in, count, out);
#endif
  std::memcpy(out, in, static_cast<std::size_t>(count));
}

// Pixel x of a row that may be read from its end.
inline const std::uint8_t* pixel_at(const std::uint8_t* in, int width, int x, bool reversed, int bytes) noexcept {
  return in + static_cast<std::ptrdiff_t>(bytes) * (reversed ? width - 1 - x : x);
}

}  // namespace

void rgb_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  int x = 0;
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512) return avx512::rgb_to_rgbx(in, pixels, out);
  if (simd() != Simd::kScalar) x = avx2::rgb_to_rgbx(in, pixels, out);
#endif
  for (; x + 1 < pixels; ++x) {  // a fourth byte can be read with every pixel but the last
    std::uint32_t pixel;
    std::memcpy(&pixel, in + 3 * x, 4);
    pixel |= 0xFF000000u;
    std::memcpy(out + 4 * x, &pixel, 4);
  }
  for (; x < pixels; ++x) {
    std::memcpy(out + 4 * x, in + 3 * x, 3);
    out[4 * x + 3] = 255;
  }
}

void rgb_to_grey_rgb(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  int x = 0;
#if defined(__x86_64__)
  if (simd() != Simd::kScalar) x = avx2::rgb_to_grey_rgb(in, pixels, out);
#endif
  for (; x < pixels; ++x) {
    const std::uint8_t* pixel = in + std::ptrdiff_t{3} * x;
    std::memset(out + std::ptrdiff_t{3} * x, luminance(pixel[0], pixel[1], pixel[2]), 3);
  }
}

void rgbx_to_rgb(const std::uint8_t* in, int width, bool reversed, std::uint8_t* out) noexcept {
  int x = 0;
#if defined(__x86_64__)
  if (simd() != Simd::kScalar) x = avx2::rgbx_to_rgb(in, width, reversed, out);
#endif
  for (; x < width; ++x) std::memcpy(out + std::ptrdiff_t{3} * x, pixel_at(in, width, x, reversed, 4), 3);
}

void rgbx_to_planes(const std::uint8_t* in, int width, bool reversed, std::uint8_t* const planes[3]) noexcept {
  int x = 0;
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512) x = avx512::rgbx_to_planes(in, width, reversed, planes);
  if (simd() != Simd::kScalar && x == 0) x = avx2::rgbx_to_planes(in, width, reversed, planes);
#endif
  for (; x < width; ++x) {
    const std::uint8_t* pixel = pixel_at(in, width, x, reversed, 4);
    for (int c = 0; c < 3; ++c) planes[c][x] = pixel[c];
  }
}

void copy_row(const std::uint8_t* in, int width, int bytes, bool reversed, std::uint8_t* out) noexcept {
  if (!reversed) {
    copy_bytes(in, std::ptrdiff_t{bytes} * width, out);
  } else if (bytes == 1) {
    for (int x = 0; x < width; ++x) out[x] = in[width - 1 - x];
  } else {
    for (int x = 0; x < width; ++x) {
      std::memcpy(out + std::ptrdiff_t{4} * x, in + std::ptrdiff_t{4} * (width - 1 - x), 4);
    }
  }
}

void copy_rgb(const std::uint8_t* in, int width, bool reversed, std::uint8_t* out) noexcept {
  if (!reversed) return copy_bytes(in, std::ptrdiff_t{3} * width, out);
  int x = 0;
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512) x = avx512::reversed_rgb(in, width, out);
  if (simd() != Simd::kScalar && x == 0) x = avx2::reversed_rgb(in, width, out);
#endif
  for (; x < width; ++x) std::memcpy(out + std::ptrdiff_t{3} * x, pixel_at(in, width, x, true, 3), 3);
}

void grey_to_rgbx(const std::uint8_t* in, int pixels, std::uint8_t* out) noexcept {
  for (int x = 0; x < pixels; ++x) {
    const std::uint32_t pixel = in[x] * 0x010101u | 0xFF000000u;
    std::memcpy(out + 4 * x, &pixel, 4);
  }
}

}  // namespace fastload
