#if defined(__x86_64__)

#include <immintrin.h>

#include "core/target.h"
#include "kernels/look_up.h"

FASTLOAD_TARGET("avx2")

namespace fastload::avx2 {
namespace {

constexpr int kParts = 16;  // of 16 levels each

inline __m256i load(const std::uint8_t* data) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
}
inline void store(std::uint8_t* data, __m256i value) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(data), value);
}

// One half of the table, for levels that count from its start: those of the other half are negative, and stay so.
// A byte shuffle looks up the low four bits, and gives 0 for negative bytes; so each part adds to what the parts before
// it have found what makes its own levels of theirs.
inline void look_up_half(const __m128i* steps, __m256i first, __m256i second, __m256i* found) noexcept {
  const __m256i part = _mm256_set1_epi8(16);
  for (int k = 0; k < kParts / 2; ++k) {
    const __m256i piece = _mm256_broadcastsi128_si256(_mm_load_si128(steps + k));
    found[0] = _mm256_xor_si256(found[0], _mm256_shuffle_epi8(piece, first));
    found[1] = _mm256_xor_si256(found[1], _mm256_shuffle_epi8(piece, second));
    first = _mm256_subs_epi8(first, part);
    second = _mm256_subs_epi8(second, part);
  }
}

#include "kernels/byte_blocks.inl"

}  // namespace

void fold_run(const std::uint8_t* in, std::ptrdiff_t count, FoldedTable table, std::uint8_t* out) noexcept {
  const __m256i from = _mm256_set1_epi8(static_cast<char>(table.from));
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(table.flip));
  const __m256i mask = _mm256_set1_epi8(static_cast<char>(table.mask));
  const auto all_folded = [&](__m256i levels) { return _mm256_and_si256(_mm256_xor_si256(levels, flip), mask); };
  const auto folded = [&](__m256i levels) {
    const __m256i is_from = _mm256_cmpeq_epi8(_mm256_max_epu8(levels, from), levels);
    return _mm256_and_si256(_mm256_xor_si256(levels, _mm256_and_si256(is_from, flip)), mask);
  };
  std::ptrdiff_t i = table.from == 0 ? make_blocks(in, count, all_folded, out) : make_blocks(in, count, folded, out);
  for (; i < count; ++i) out[i] = table(in[i]);
}

// In 16 bits each: of level * slope + offset, shifted so that whole levels are upper halves, the halves' sums and what the
// lower ones carry.
void line_run(const std::uint8_t* in, std::ptrdiff_t count, LineTable table, std::uint8_t* out) noexcept {
  constexpr int kShift = 16 - LineTable::kBits;
  const std::int32_t shifted = table.offset * (1 << kShift), lower = shifted & 0xFFFF;
  const __m256i zero = _mm256_setzero_si256(), sign = _mm256_set1_epi16(std::int16_t{-0x8000});
  const __m256i slope = _mm256_set1_epi16(static_cast<std::int16_t>(table.slope));
  const __m256i upper = _mm256_set1_epi16(static_cast<std::int16_t>(shifted >> 16));
  const __m256i most = _mm256_set1_epi16(static_cast<std::int16_t>((0xFFFF - lower) ^ 0x8000));  // that carries nothing
  const auto made = [&](__m256i levels) {
    const __m256i scaled = _mm256_slli_epi16(levels, kShift);
    const __m256i carried = _mm256_cmpgt_epi16(_mm256_xor_si256(_mm256_mullo_epi16(scaled, slope), sign), most);
    return _mm256_sub_epi16(_mm256_add_epi16(_mm256_mulhi_epi16(scaled, slope), upper), carried);
  };
  std::ptrdiff_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const __m256i levels = load(in + i);
    const __m256i low = made(_mm256_unpacklo_epi8(levels, zero)), high = made(_mm256_unpackhi_epi8(levels, zero));
    store(out + i, _mm256_packus_epi16(low, high));
  }
  for (; i < count; ++i) out[i] = table(in[i]);
}

void look_up_run(const std::uint8_t* in, std::ptrdiff_t count, const std::uint8_t* table, std::uint8_t* out) noexcept {
  __m128i steps[kParts];
  __m128i before = _mm_setzero_si128();
  for (int k = 0; k < kParts; ++k) {
    const __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k));
    steps[k] = k == kParts / 2 ? part : _mm_xor_si128(part, before);
    before = part;
  }
  const __m256i half = _mm256_set1_epi8(-128);
  std::ptrdiff_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m256i first = load(in + i), second = load(in + i + 32);
    __m256i found[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    look_up_half(steps, first, second, found);
    look_up_half(steps + kParts / 2, _mm256_xor_si256(first, half), _mm256_xor_si256(second, half), found);
    store(out + i, found[0]);
    store(out + i + 32, found[1]);
  }
  for (; i < count; ++i) out[i] = table[in[i]];
}

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
