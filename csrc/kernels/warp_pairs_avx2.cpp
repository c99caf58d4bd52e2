// Rows that nearly follow the input's: the neighbours of two pixels side by side are in sixteen bytes of each of three
// rows, out of which permutations of bytes pick them.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/target.h"
#include "kernels/warp_rows.h"

FASTLOAD_TARGET("avx2")

namespace fastload {
namespace {

constexpr int kFour = 4, kEight = kWindowPixels;
static_assert(kEight == 2 * kFour);
constexpr int kRowsAhead = 8;
constexpr int kWhole = 32 + kWarpBits;  // whole pixels begin at this bit of a place

// Where a place's bits go in each 64 bits of a register: 24 for the part of a pixel across, and whole pixels above them;
// and 31 for the part of a pixel down, and one for a whole one. Places have no more than 24 bits of a part: see EvenWarp.
constexpr int kAcross = 24, kDown = 31;

// In all eight bytes of each 64 bits, one of them.
inline __m256i spread(int byte, __m256i each) noexcept {
  const std::int64_t ones = 0x0101'0101'0101'0101;
  const __m128i order = _mm_set_epi64x(ones * (byte + 8), ones * byte);
  return _mm256_shuffle_epi8(each, _mm256_broadcastsi128_si256(order));
}

// A number that is to be read from memory: that costs less than to move it from one register to four places of another.
inline __m256i from_memory(std::uint64_t number) noexcept {
  __asm__("" : "+m"(number));
  return _mm256_set1_epi64x(static_cast<std::int64_t>(number));
}

// Numbers of which the compiler knows nothing, and so makes of an instruction with them what it is.
inline __m256i unknown(__m256i numbers) noexcept {
  __asm__("" : "+x"(numbers));
  return numbers;
}

// Of each 64 bits, the other's where the sign is set. Of the intrinsic, compilers make comparisons with zero as well.
inline __m256i either(__m256i one, __m256i other, __m256i signs) noexcept {
  __asm__("vblendvpd %2, %1, %0, %0" : "+x"(one) : "x"(other), "x"(signs));
  return one;
}

template <int kBytes, bool kForwards>
class PairWarp {
 public:
  PairWarp(ImageView in, std::int64_t step_x, std::int64_t step_y) noexcept
      : data_(in.data),
        row_bytes_(in.row_bytes),
        apart_(((2 * std::abs(step_x)) >> kWhole) * kBytes),
        step_x_(step_x),
        step_y_(step_y) {
    std::int64_t steps[kFour];
    for (int i = 0; i < kFour; ++i) {
      const int far_x = kForwards ? i : i - 3, far_y = step_y >= 0 ? i : i - 3;
      const std::int64_t window = kForwards == (i >= 2) ? apart_ / kBytes << kWhole : 0;
      const auto x = static_cast<std::uint32_t>((far_x * step_x - window) >> (kWhole - kAcross));
      const auto y = static_cast<std::uint32_t>((far_y * step_y) >> (kWhole - kDown));
      steps[i] = static_cast<std::int64_t>(std::uint64_t{y} << 32 | x);
    }
    steps_ = _mm256_setr_epi64x(steps[0], steps[1], steps[2], steps[3]);
  }

  void make(const WindowRow& row) const noexcept {
    const int last = row.count - kEight;  // the last eight may be made of some that have been made before
    make_eights(row.x, row.y, row.count / kEight, row.out);
    make_eights(row.x + last * step_x_, row.y + last * step_y_, 1, row.out + std::ptrdiff_t{4} * last);
  }

 private:
  void make_eights(std::int64_t x, std::int64_t y, int count, std::uint8_t* out) const noexcept {
    x += std::min<std::int64_t>(0, (kFour - 1) * step_x_);
    y += std::min<std::int64_t>(0, (kFour - 1) * step_y_);
    const auto next_four = [&]() noexcept {
      const __m256i levels = levels_at(x, y);
      x += kFour * step_x_;
      y += kFour * step_y_;
      return levels;
    };
    for (std::uint8_t* const end = out + std::ptrdiff_t{4} * kEight * count; out < end; out += 4 * kEight) {
      prefetch(x, y);
      const __m256i first = next_four(), second = next_four();
      const __m256i pixels = _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xD8);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), pixels);
    }
  }

  // What later rows read: windows slant, and a processor prefetches along rows. Behind the image it does nothing.
  void prefetch(std::int64_t x, std::int64_t y) const noexcept {
    const std::ptrdiff_t later = ((y >> kWhole) + kRowsAhead) * row_bytes_ + (x >> kWhole) * kBytes;
    _mm_prefetch(reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(data_) + later), _MM_HINT_T0);
  }

  // Of four pixels, the uppermost of which is at y and the leftmost at x: four channels of 16 bits each.
  __m256i levels_at(std::int64_t x, std::int64_t y) const noexcept {
    const std::uint8_t* window = data_ + (y >> kWhole) * row_bytes_ + (x >> kWhole) * kBytes;
    const std::uint64_t across = static_cast<std::uint64_t>(x) << (64 - kWhole) >> (64 - kAcross);
    const std::uint64_t down = static_cast<std::uint64_t>(y) << (64 - kWhole) >> 1;
    return blend(window, _mm256_add_epi32(from_memory(across | down), steps_));
  }

  __m256i blend(const std::uint8_t* window, __m256i places) const noexcept {
    const __m256i each = _mm256_set1_epi64x(kBytes == 4 ? 0x0703'0602'0501'0400 : 0x0502'0502'0401'0300);
    const __m256i from = _mm256_add_epi8(_mm256_mullo_epi16(spread(3, places), bytes_), each);
    const std::uint8_t *first = kForwards ? window : window + apart_, *second = kForwards ? window + apart_ : window;
    const auto row = [&](std::ptrdiff_t down) {
      const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first + down));
      const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second + down));
      return _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), from);
    };
    const __m256i one = row(0), two = row(row_bytes_), three = row(2 * row_bytes_);

    // In two bytes, of negative weights since 128 is none of a signed byte: r - 128 and -r.
    const __m256i right = _mm256_srli_epi16(spread(2, places), 16 - kWarpBits);
    const __m256i weights = _mm256_add_epi16(_mm256_mullo_epi16(right, minus_255_), _mm256_set1_epi16(128));
    const __m256i upper = _mm256_maddubs_epi16(either(one, two, places), weights);
    const __m256i lower = _mm256_maddubs_epi16(either(two, three, places), weights);
    // (upper - lower) * d / 128, rounded down. d * 512 is a negative number of 16 bits if d is 64 or more: then the product
    // lacks upper - lower.
    const __m256i down = _mm256_slli_epi16(spread(7, places), 16 - kWarpBits);
    const __m256i part = _mm256_mulhi_epi16(_mm256_sub_epi16(upper, lower), down);
    const __m256i nearer = either(upper, lower, _mm256_add_epi64(places, places));
    return _mm256_mulhrs_epi16(_mm256_sub_epi16(part, nearer), rounding_);
  }

  const std::uint8_t* data_;
  std::ptrdiff_t row_bytes_, apart_;
  std::int64_t step_x_, step_y_;
  __m256i steps_;
  __m256i bytes_ = unknown(_mm256_set1_epi16(kBytes)), minus_255_ = unknown(_mm256_set1_epi16(-255));
  __m256i rounding_ = unknown(_mm256_set1_epi16(1 << (15 - kWarpBits)));
};

template <int kBytes, bool kForwards>
void warp_rows(ImageView in, std::int64_t step_x, std::int64_t step_y, const WindowRow* rows, int count) noexcept {
  const PairWarp<kBytes, kForwards> warp(in, step_x, step_y);
  for (const WindowRow* row = rows; row < rows + count; ++row) warp.make(*row);
}

}  // namespace

void bilinear_pairs_avx2(ImageView in, std::int64_t step_x, std::int64_t step_y, const WindowRow* rows,
                         int count) noexcept {
  auto warp = step_x >= 0 ? warp_rows<4, true> : warp_rows<4, false>;
  if (in.channels == 3) warp = step_x >= 0 ? warp_rows<3, true> : warp_rows<3, false>;
  warp(in, step_x, step_y, rows, count);
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
