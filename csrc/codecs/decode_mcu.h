// The loops of ScanDecoder, for one file of each target to include: they are compiled for other instructions.
//
// What counts is the time from the look-up of one symbol to that of the next, as each begins where the last one ended.
// So a table gives how long a symbol is in all; the value in it is computed beside that, without a branch.
#pragma once

#include "codecs/scan_state.h"

namespace fastload {
namespace {

constexpr int kLastPlace = 63;

// From the order in the file to that in rows (T.81, figure A.6).
constexpr std::uint8_t kNaturalOrder[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

enum class Step { kMore, kDone, kOdd };

[[gnu::always_inline]] inline HuffmanSymbol next_symbol(const BitReader& bits, const HuffmanTable& table) noexcept {
  const HuffmanSymbol symbol = table.look(bits.window);
  if (symbol.bits != 0) [[likely]] return symbol;
  return table.search(bits.window);
}

// The value that `symbol` announces: the bits after its code word. Below half of their range they mean negative ones.
[[gnu::always_inline]] inline std::int32_t value_of(std::uint64_t window, HuffmanSymbol symbol) noexcept {
  const std::uint64_t after = window << symbol.code_bits;
  const auto value = static_cast<std::int32_t>(after >> 1 >> (63 - symbol.value_bits));
  const auto is_positive = static_cast<std::int32_t>(static_cast<std::int64_t>(after) >> 63);
  return value + (~is_positive & (1 - (1 << symbol.value_bits)));
}

[[gnu::always_inline]] inline bool decode_dc(BitReader& bits, const HuffmanTable& table, std::int32_t* last) noexcept {
  const HuffmanSymbol symbol = next_symbol(bits, table);
  if (symbol.bits == 0) [[unlikely]] return false;
  const auto sum = static_cast<std::uint32_t>(*last) + static_cast<std::uint32_t>(value_of(bits.window, symbol));
  *last = static_cast<std::int32_t>(sum);  // may wrap around in a damaged file
  bits.take(symbol.bits);
  return true;
}

// One symbol; the value goes into `block` unless that is nullptr.
[[gnu::always_inline]] inline Step step(BitReader& bits, const HuffmanTable& table, std::int16_t* block,
                                        unsigned* place) noexcept {
  const HuffmanSymbol symbol = next_symbol(bits, table);
  if (symbol.bits == 0) [[unlikely]] return Step::kOdd;
  *place += symbol.advance;
  if (*place > kLastPlace) [[unlikely]] {
    bits.take(symbol.bits);
    return *place >= HuffmanTable::kEndOfBlock ? Step::kDone : Step::kOdd;
  }
  if (block != nullptr) block[kNaturalOrder[*place]] = static_cast<std::int16_t>(value_of(bits.window, symbol));
  bits.take(symbol.bits);
  return *place == kLastPlace ? Step::kDone : Step::kMore;
}

// A fill is good for two symbols of AC coefficients, or for a DC difference and one of those.
[[gnu::always_inline]] inline bool decode_ac(BitReader& bits, const HuffmanTable& table, std::int16_t* block) noexcept {
  unsigned place = 0;
  for (Step now = step(bits, table, block, &place);; now = step(bits, table, block, &place)) {
    if (now != Step::kMore) return now == Step::kDone;
    bits.fill();
    now = step(bits, table, block, &place);
    if (now != Step::kMore) return now == Step::kDone;
  }
}

// Several symbols at a time where they are short.
[[gnu::always_inline]] inline Step skip_step(BitReader& bits, const BlockKind& kind,
                                             unsigned* place) noexcept {
  const SkipTable::Run run = kind.skip->look(bits.window);
  // Nothing after the last place may be part of the run: it would belong to the next block.
  if (run.bits == 0 || *place + (run.advance & 127u) >= kLastPlace) [[unlikely]] {
    return step(bits, *kind.ac, nullptr, place);
  }
  *place += run.advance;
  bits.take(run.bits);
  return *place >= HuffmanTable::kEndOfBlock ? Step::kDone : Step::kMore;
}

[[gnu::always_inline]] inline bool skip_ac(BitReader& bits, const BlockKind& kind) noexcept {
  unsigned place = 0;
  for (Step now = skip_step(bits, kind, &place);; now = skip_step(bits, kind, &place)) {
    if (now != Step::kMore) return now == Step::kDone;
    bits.fill();
    now = skip_step(bits, kind, &place);
    if (now != Step::kMore) return now == Step::kDone;
  }
}

[[gnu::always_inline]] inline bool decode_blocks(ScanState& scan, Block* const* blocks) noexcept {
  BitReader bits = scan.bits;
  for (int k = 0; k < scan.block_count; ++k) {
    const BlockKind& kind = scan.blocks[static_cast<std::size_t>(k)];
    std::int32_t* last = &scan.last_dc[static_cast<std::size_t>(kind.component)];
    bits.fill();
    if (!decode_dc(bits, *kind.dc, last)) return false;
    if (blocks == nullptr) {
      if (!skip_ac(bits, kind)) return false;
      continue;
    }
    std::int16_t* block = *blocks[k];
    block[0] = static_cast<std::int16_t>(*last);
    if (!(kind.only_dc ? skip_ac(bits, kind) : decode_ac(bits, *kind.ac, block))) return false;
  }
  scan.bits = bits;
  return bits.count >= 0 && bits.next != bits.end;
}

}  // namespace
}  // namespace fastload
