// AVX-512 with VBMI: the neighbours of eight pixels lie in a window of a few rows, out of which permutations of bytes pick
// them all at once.
#if defined(__x86_64__)

#include <algorithm>
#include <cstdint>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/warp_rows.h"

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")

namespace fastload {
namespace {

constexpr int kPixels = kWindowPixels;
constexpr int kRowsAhead = 8;
constexpr int kWhole = 32 + kWarpBits;  // whole pixels begin at this bit of a place

// In each byte of a qword, eight bits of that qword from bit `first` on.
inline __m512i bits_from(int first, __m512i qwords) noexcept {
  return _mm512_multishift_epi64_epi8(_mm512_set1_epi8(static_cast<char>(first)), qwords);
}

// a & mask | b
inline __m512i and_or(__m512i a, std::uint8_t mask, __m512i b) noexcept {
  return _mm512_ternarylogic_epi64(a, _mm512_set1_epi8(static_cast<char>(mask)), b, 0xEA);
}

// a & mask ^ b
inline __m512i and_xor(__m512i a, std::uint8_t mask, __m512i b) noexcept {
  return _mm512_ternarylogic_epi64(a, _mm512_set1_epi8(static_cast<char>(mask)), b, 0x6A);
}

// Of eight pixels, the levels of the two neighbours above and of the two below, four channels each: left, right, left,
// right... kBytes: of an input pixel; kRowBytes: of a row of the window; kRows: in so many rows from the window's first one
// on may the upper neighbours lie.
template <int kBytes, int kRowBytes, int kRows>
struct Neighbours;

// The bytes of the left and the right neighbour's channels, of those at the window's left.
template <int kBytes>
inline __m512i columns_of(__m512i x) noexcept {
  if constexpr (kBytes == 4) {
    const __m512i four_times = _mm512_and_si512(bits_from(kWhole - 2, x), _mm512_set1_epi8(static_cast<char>(0xFC)));
    return _mm512_add_epi8(four_times, _mm512_set1_epi64(0x0703'0602'0501'0400));
  } else {
    const __m512i each = _mm512_set1_epi64(0x0502'0502'0401'0300), once = bits_from(kWhole, x);
    return _mm512_add_epi8(_mm512_add_epi8(once, once), _mm512_add_epi8(once, each));
  }
}

// Two rows are the halves of a register.
template <int kBytes, int kRows>
struct Neighbours<kBytes, 32, kRows> {
  __m512i upper, lower;

  Neighbours(const std::uint8_t* window, std::ptrdiff_t row_bytes, __m512i x, __m512i y) noexcept {
    const __m512i at = and_or(bits_from(kWhole - 5, y), 0xE0, columns_of<kBytes>(x));
    const auto rows_from = [&](int row) {
      const std::uint8_t* first = window + row * row_bytes;
      const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(first)));
      return _mm512_inserti64x4(low, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first + row_bytes)), 1);
    };
    if constexpr (kRows == 2) {
      upper = _mm512_permutexvar_epi8(at, rows_from(0));
      lower = _mm512_permutexvar_epi8(at, rows_from(1));
    } else {
      upper = _mm512_permutex2var_epi8(rows_from(0), at, rows_from(2));
      lower = _mm512_permutex2var_epi8(rows_from(1), at, rows_from(3));
    }
  }
};

template <int kBytes, int kRows>
struct Neighbours<kBytes, 64, kRows> {
  __m512i upper, lower;

  Neighbours(const std::uint8_t* window, std::ptrdiff_t row_bytes, __m512i x, __m512i y) noexcept {
    const __m512i at = and_or(bits_from(kWhole - 6, y), 0xC0, columns_of<kBytes>(x));
    const auto row = [&](int number) { return _mm512_loadu_si512(window + number * row_bytes); };
    upper = _mm512_permutex2var_epi8(row(0), at, row(1));
    lower = _mm512_permutex2var_epi8(row(1), at, row(2));
    if constexpr (kRows == 4) {
      const __mmask64 further = _mm512_movepi8_mask(at);
      upper = _mm512_mask_mov_epi8(upper, further, _mm512_permutex2var_epi8(row(2), at, row(3)));
      lower = _mm512_mask_mov_epi8(lower, further, _mm512_permutex2var_epi8(row(3), at, row(4)));
    }
  }
};

// Levels of 16 bits between the neighbours, to the right by x's part of a pixel and down by y's.
template <class Levels>
inline __m512i blend(const Levels& levels, __m512i x, __m512i y) noexcept {
  // Of negative weights, r - 128 and -r, since 128 is none of a signed byte.
  const __m512i signs = _mm512_set1_epi16(static_cast<short>(0xFF80)), ones = _mm512_set1_epi16(static_cast<short>(0xFF00));
  const __m512i right = _mm512_sub_epi8(and_xor(bits_from(32, x), 0x7F, signs), ones);
  const __m512i upper = _mm512_maddubs_epi16(levels.upper, right), lower = _mm512_maddubs_epi16(levels.lower, right);
  // (upper - lower) * d / 128, rounded down. d * 512 is a negative number of 16 bits if d is 64 or more: then the product
  // lacks upper - lower.
  const __m512i down = _mm512_and_si512(bits_from(31, y), _mm512_set1_epi16(static_cast<short>(0xFE00)));
  const __m512i part = _mm512_mulhi_epi16(_mm512_sub_epi16(upper, lower), down);
  const __m512i sums = _mm512_sub_epi16(part, _mm512_mask_mov_epi16(upper, _mm512_movepi16_mask(down), lower));
  return _mm512_mulhrs_epi16(sums, _mm512_set1_epi16(1 << (15 - kWarpBits)));
}

// A number that is to be read from memory: that costs less than to move it from one register to eight places of another.
inline __m512i from_memory(std::int64_t number) noexcept {
  __asm__("" : "+m"(number));
  return _mm512_set1_epi64(number);
}

template <int kBytes, int kRowBytes, int kRows>
class WindowWarp {
 public:
  WindowWarp(ImageView in, std::int64_t step_x, std::int64_t step_y) noexcept
      : in_(in),
        step_x_(step_x),
        step_y_(step_y),
        to_least_x_(std::min<std::int64_t>(0, (kPixels - 1) * step_x)),
        to_least_y_(std::min<std::int64_t>(0, (kPixels - 1) * step_y)) {
    const __m512i numbers = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    steps_x_ = _mm512_mullo_epi64(numbers, _mm512_set1_epi64(step_x));
    steps_y_ = _mm512_mullo_epi64(numbers, _mm512_set1_epi64(step_y));
  }

  void make(const WindowRow& row) const noexcept {
    const int last = row.count - kPixels;  // the last eight may be made of some that have been made before
    int at = 0;
    at = make_while<true>(row, at, std::min(row.begin, last));
    at = make_while<false>(row, at, std::min(row.end - kPixels + 1, last));
    at = make_while<true>(row, at, last);
    make_eight<true>(row.x + last * step_x_, row.y + last * step_y_, row.out + std::ptrdiff_t{4} * last);
  }

 private:
  // Eight pixels after the other as long as they begin before `end`; where they stop.
  template <bool kAnywhere>
  int make_while(const WindowRow& row, int at, int end) const noexcept {
    std::int64_t x = row.x + at * step_x_, y = row.y + at * step_y_;
    const std::int64_t eight_x = kPixels * step_x_, eight_y = kPixels * step_y_;
    if constexpr (!kAnywhere) {
      for (; at + kPixels < end; at += 2 * kPixels, x += 2 * eight_x, y += 2 * eight_y) {
        const __m512i first = levels_at<false>(x, y), second = levels_at<false>(x + eight_x, y + eight_y);
        const __m512i halves = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
        const __m512i pixels = _mm512_permutexvar_epi64(halves, _mm512_packus_epi16(first, second));
        _mm512_storeu_si512(row.out + std::ptrdiff_t{4} * at, pixels);
      }
    }
    for (; at < end; at += kPixels, x += eight_x, y += eight_y) {
      make_eight<kAnywhere>(x, y, row.out + std::ptrdiff_t{4} * at);
    }
    return at;
  }

  template <bool kAnywhere>
  void make_eight(std::int64_t x, std::int64_t y, std::uint8_t* out) const noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi16_epi8(levels_at<kAnywhere>(x, y)));
  }

  // Of eight pixels, levels of 16 bits. kAnywhere: what lies left of the first pixels, right of the last ones or above the first row is seen as those are.
  template <bool kAnywhere>
  __m512i levels_at(std::int64_t x, std::int64_t y) const noexcept {
    const std::int64_t last_x = std::int64_t{in_.width - 1} << kWhole;
    std::int64_t left = x + to_least_x_, top = y + to_least_y_;
    if constexpr (kAnywhere) {
      left = std::clamp<std::int64_t>(left, 0, last_x);
      top = std::max<std::int64_t>(top, 0);
    }
    const std::int64_t column = left >> kWhole, row = top >> kWhole;
    left = column << kWhole;
    top = row << kWhole;
    __m512i xs = _mm512_add_epi64(steps_x_, from_memory(x - left));
    __m512i ys = _mm512_add_epi64(steps_y_, from_memory(y - top));
    if constexpr (kAnywhere) {
      xs = _mm512_min_epi64(_mm512_max_epi64(xs, from_memory(-left)), from_memory(last_x - left));
      ys = _mm512_max_epi64(ys, from_memory(-top));
    }
    const std::uint8_t* window = in_.data + row * in_.row_bytes + column * kBytes;
    // What later rows read: windows slant, and a processor prefetches along rows. Behind the image it does nothing.
    _mm_prefetch(reinterpret_cast<const char*>(window + kRowsAhead * in_.row_bytes), _MM_HINT_T0);
    return blend(Neighbours<kBytes, kRowBytes, kRows>(window, in_.row_bytes, xs, ys), xs, ys);
  }

  ImageView in_;
  std::int64_t step_x_, step_y_, to_least_x_, to_least_y_;
  __m512i steps_x_, steps_y_;
};

template <int kBytes, int kRowBytes, int kRows>
void warp_rows(ImageView in, std::int64_t step_x, std::int64_t step_y, const WindowRow* rows, int count) noexcept {
  const WindowWarp<kBytes, kRowBytes, kRows> warp(in, step_x, step_y);
  for (const WindowRow* row = rows; row < rows + count; ++row) warp.make(*row);
}

}  // namespace

void bilinear_windows_avx512(ImageView in, std::int64_t step_x, std::int64_t step_y, const WindowRow* rows,
                             int count) noexcept {
  const bool few = window_rows(step_y) == 2;
  auto warp = few ? warp_rows<4, 64, 2> : warp_rows<4, 64, 4>;
  if (in.channels == 3 && window_columns(step_x) <= most_columns(3, 32)) {
    warp = few ? warp_rows<3, 32, 2> : warp_rows<3, 32, 4>;
  } else if (in.channels == 3) {
    warp = few ? warp_rows<3, 64, 2> : warp_rows<3, 64, 4>;
  }
  warp(in, step_x, step_y, rows, count);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
