// AVX-512 with VBMI: one permutation of bytes looks 64 of them up in half of a table.
#if defined(__x86_64__)

#include "core/avx512.h"
#include "core/target.h"
#include "kernels/look_up.h"

FASTLOAD_TARGET("avx2,avx512f,avx512bw,avx512vl,avx512vbmi")

namespace fastload::avx512 {
namespace {

struct Quarters {
  __m512i part[4];

  explicit Quarters(const std::uint8_t* table) noexcept {
    for (int k = 0; k < 4; ++k) part[k] = _mm512_loadu_si512(table + 64 * k);
  }
  __m512i operator()(__m512i levels) const noexcept {
    const __m512i low = _mm512_permutex2var_epi8(part[0], levels, part[1]);
    const __m512i high = _mm512_permutex2var_epi8(part[2], levels, part[3]);
    return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(levels), high);
  }
};

}  // namespace

void look_up_run(const std::uint8_t* in, std::ptrdiff_t count, const std::uint8_t* table, std::uint8_t* out) noexcept {
  const Quarters quarters(table);
  std::ptrdiff_t i = 0;
  for (; i + 64 <= count; i += 64) _mm512_storeu_si512(out + i, quarters(_mm512_loadu_si512(in + i)));
  if (i == count) return;
  const __mmask64 rest = ~std::uint64_t{0} >> (64 - (count - i));
  _mm512_mask_storeu_epi8(out + i, rest, quarters(_mm512_maskz_loadu_epi8(rest, in + i)));
}

}  // namespace fastload::avx512

FASTLOAD_END_TARGET

#endif
