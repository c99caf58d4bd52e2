#if defined(__x86_64__)

#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "core/target.h"
#include "kernels/color_rows.h"

FASTLOAD_TARGET("avx2,fma")

namespace fastload::avx2 {

#include "kernels/color_loops.inl"

// The table lies in 16 registers' worth of 16 levels each; a byte shuffle looks up the low four bits in each, and gives 0
// for a byte whose top bit is set, so that adding with saturation picks the one that the high bits mean.
void look_up_run(std::uint8_t* bytes, int count, const std::uint8_t* table) noexcept {
  int i = 0;
  for (; i + 32 <= count; i += 32) {
    const __m256i levels = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + i));
    __m256i found = _mm256_setzero_si256();
    for (int part = 0; part < 16; ++part) {
      const __m256i piece = _mm256_broadcastsi128_si256(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * part)));
      // Levels of this part become 0 to 15, and all others 0x70 and more, which saturates to the top bit.
      const __m256i offset = _mm256_xor_si256(levels, _mm256_set1_epi8(static_cast<char>(16 * part)));
      const __m256i index = _mm256_adds_epu8(offset, _mm256_set1_epi8(0x70));
      found = _mm256_or_si256(found, _mm256_shuffle_epi8(piece, index));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes + i), found);
  }
  for (; i < count; ++i) bytes[i] = table[bytes[i]];
}

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
