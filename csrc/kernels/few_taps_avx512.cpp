// AVX-512 with VBMI and VNNI: one permutation of bytes lays out four outputs, or sixteen grey ones, two dot products
// multiply and add them.
#if defined(__x86_64__)

#include <algorithm>
#include <cstring>

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/few_taps.h"

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")

namespace fastload {
namespace {

constexpr int kOutputs = 4, kGreyOutputs = 16;
constexpr int kRows = 4;  // whose outputs, sixteen bytes of each, fill a register

// Where the levels of each row are among qwords of two channels, of which each row has two bytes.
alignas(64) constexpr std::uint8_t kRowByRow[64] = {
    0, 1, 8,  9,  16, 17, 24, 25, 32, 33, 40, 41, 48, 49, 56, 57,  //
    2, 3, 10, 11, 18, 19, 26, 27, 34, 35, 42, 43, 50, 51, 58, 59,  //
    4, 5, 12, 13, 20, 21, 28, 29, 36, 37, 44, 45, 52, 53, 60, 61,  //
    6, 7, 14, 15, 22, 23, 30, 31, 38, 39, 46, 47, 54, 55, 62, 63};

// Each of four dwords in all of a quarter.
inline __m512i for_each_channel(__m128i dwords) noexcept {
  const __m512i fourfold = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  return _mm512_permutexvar_epi32(fourfold, _mm512_castsi128_si512(dwords));
}

inline std::int64_t four_of(const std::int16_t* weights) noexcept {
  std::int64_t four;
  std::memcpy(&four, weights, sizeof(four));
  return four;
}

// Where the four taps of each channel lie, from the first tap on.
inline __m128i taps_of_pixel(int channels) noexcept {
  return channels == 4 ? _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
                       : _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 2, 5, 8, 11);
}

// In each dword, the four bytes that lie as `taps` says from the place on.
inline void set(__m512i places, __m128i taps, std::uint8_t (*to)[64]) noexcept {
  const __m512i in_each_byte = _mm512_mullo_epi32(places, _mm512_set1_epi32(0x01010101));
  _mm512_store_si512(*to, _mm512_add_epi8(in_each_byte, _mm512_broadcast_i32x4(taps)));
}

inline __m256i high_bytes(__m512i words) noexcept {
  return _mm512_cvtepi16_epi8(_mm512_srai_epi16(_mm512_add_epi16(words, _mm512_set1_epi16(128)), 8));
}

inline __m512i bytes_of(__m256i low, __m256i high) noexcept {
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

inline void store_quarter(std::uint8_t* to, __m128i quarter) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), quarter);
}

// Sixty-four bytes of a row; or thirty-two, which the ends of cache lines part less often, and zeros, which have no weight.
struct Wide {
  __m512i operator()(const std::uint8_t* from) const noexcept { return _mm512_loadu_si512(from); }
};
struct Narrow {
  __m512i operator()(const std::uint8_t* from) const noexcept {
    return _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
};

}  // namespace

void FewTaps::make_avx512(const AxisWeights& weights, int channels) {
  const int at_once = is_grey_ ? kGreyOutputs : kOutputs;
  sums_.resize(static_cast<std::size_t>((outputs_ + at_once - 1) / at_once));
  narrow_ = true;
  int next = 0;
  for (Sums& sums : sums_) {
    const int o = first_of(next, at_once), first = weights.first(o);
    next += at_once;
    narrow_ = narrow_ && (weights.first(o + at_once - 1) - first + weights.taps()) * channels <= 32;
    sums.start = std::ptrdiff_t{first} * channels;
    alignas(64) std::int32_t places[kGreyOutputs];
    alignas(64) std::int64_t words[kGreyOutputs];
    for (int i = 0; i < at_once; ++i) {
      places[i] = (weights.first(o + i) - first) * channels;
      words[i] = four_of(weights.narrow(o + i));
    }
    const __m512i low_words = _mm512_load_si512(words);  // of eight outputs
    if (is_grey_) {
      const __m512i high_words = _mm512_load_si512(words + 8);
      set(_mm512_load_si512(places), _mm_set1_epi32(0x03020100), &sums.places);
      _mm512_store_si512(sums.high, bytes_of(high_bytes(low_words), high_bytes(high_words)));
      _mm512_store_si512(sums.low, bytes_of(_mm512_cvtepi16_epi8(low_words), _mm512_cvtepi16_epi8(high_words)));
    } else {
      const __m128i four = _mm_load_si128(reinterpret_cast<const __m128i*>(places));
      set(for_each_channel(four), taps_of_pixel(channels), &sums.places);
      _mm512_store_si512(sums.high, for_each_channel(_mm256_castsi256_si128(high_bytes(low_words))));
      _mm512_store_si512(sums.low, for_each_channel(_mm256_castsi256_si128(_mm512_cvtepi16_epi8(low_words))));
    }
  }
}

// Weights are not negative, and together at most 1 << bits and a little: a level's byte lies above the last `bits` of a sum.
void FewTaps::run_avx512(const std::uint8_t* const* in, int count, std::uint8_t* const* out) const noexcept {
  const __m512i half = _mm512_set1_epi32((1 << (bits_ - 1)) >> 8);  // it is multiplied by 256
  const __m512i levels_of_two = _mm512_set1_epi16(static_cast<std::int16_t>((32 + bits_) << 8 | bits_));
  const auto run_with = [&](auto bytes_at) noexcept {
    const int at_once = is_grey_ ? kGreyOutputs : kOutputs;
    int next = 0;
    for (const Sums& some : sums_) {
      const __m512i places = _mm512_load_si512(some.places);
      const __m512i high = _mm512_load_si512(some.high), low = _mm512_load_si512(some.low);
      const std::ptrdiff_t to = std::ptrdiff_t{kGreyOutputs / at_once} * first_of(next, at_once);
      const auto sums = [&](int row) {
        const __m512i levels = _mm512_permutexvar_epi8(places, bytes_at(in[row] + some.start));
        const __m512i coarse = _mm512_slli_epi32(_mm512_dpbusd_epi32(half, levels, high), 8);
        return _mm512_dpbusd_epi32(coarse, levels, low);
      };
      for (int a = 0; a < count; a += kRows) {
        const int last = count - 1;  // stands for the rows that there are not
        const int b = std::min(a + 1, last), c = std::min(a + 2, last), d = std::min(a + 3, last);
        __m512i all = _mm512_multishift_epi64_epi8(levels_of_two, sums(a));
        all = _mm512_mask_multishift_epi64_epi8(all, 0x0C0C0C0C0C0C0C0Cu, levels_of_two, sums(b));
        all = _mm512_mask_multishift_epi64_epi8(all, 0x3030303030303030u, levels_of_two, sums(c));
        all = _mm512_mask_multishift_epi64_epi8(all, 0xC0C0C0C0C0C0C0C0u, levels_of_two, sums(d));
        all = _mm512_permutexvar_epi8(_mm512_load_si512(kRowByRow), all);
        store_quarter(out[a] + to, _mm512_castsi512_si128(all));
        store_quarter(out[b] + to, _mm512_extracti32x4_epi32(all, 1));
        store_quarter(out[c] + to, _mm512_extracti32x4_epi32(all, 2));
        store_quarter(out[d] + to, _mm512_extracti32x4_epi32(all, 3));
      }
      next += at_once;
    }
  };
  narrow_ ? run_with(Narrow{}) : run_with(Wide{});
}

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
