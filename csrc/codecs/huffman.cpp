#include "codecs/huffman.h"

#include <algorithm>

namespace fastload {
namespace {

constexpr int kLongest = 16;
constexpr int kMostCoefficients = 63;  // behind the first one of a block
constexpr int kRunOfZeros = 15;  // with a value of no bits: sixteen zeros, no coefficient

}  // namespace

HuffmanSymbol HuffmanTable::symbol(int code_bits, std::uint8_t symbol) const noexcept {
  const int run = symbol >> 4, value_bits = symbol & 15;
  if (value_bits > most_value_bits_) return {};
  const bool ends = value_bits == 0 && run != kRunOfZeros;
  return {static_cast<std::uint8_t>(code_bits + value_bits), static_cast<std::uint8_t>(code_bits),
          static_cast<std::uint8_t>(value_bits), static_cast<std::uint8_t>(ends ? kEndOfBlock : run + 1)};
}

void HuffmanTable::make(const HuffmanCode& code, int most_value_bits) {
  code_ = code;
  most_value_bits_ = most_value_bits;
  table_.fill({});
  std::int32_t word = 0, number = 0;
  for (int bits = 1; bits <= kLongest; ++bits, word <<= 1) {
    offset_[bits] = number - word;
    for (int left = code.counts[bits]; left > 0; --left, ++word, ++number) {
      if (bits > kLookBits) continue;
      const auto first = table_.begin() + (word << (kLookBits - bits));
      std::fill_n(first, 1 << (kLookBits - bits), symbol(bits, code.symbols[static_cast<std::size_t>(number)]));
    }
    end_[bits] = code.counts[bits] != 0 ? word : -1;
  }
}

HuffmanSymbol HuffmanTable::search(std::uint64_t window) const noexcept {
  for (int bits = 1; bits <= kLongest; ++bits) {
    const auto word = static_cast<std::int32_t>(window >> (64 - bits));
    if (word < end_[bits]) return symbol(bits, code_.symbols[static_cast<std::size_t>(word + offset_[bits])]);
  }
  return {};
}

void SkipTable::make(const HuffmanTable& table) {
  for (std::size_t k = 0; k < table_.size(); ++k) {
    const std::uint64_t window = std::uint64_t{k} << (64 - kLookBits);
    Run run;
    // Code words have to lie in the window; the bits of the last value need not.
    while (run.bits < kLookBits && run.advance < HuffmanTable::kEndOfBlock) {
      const HuffmanSymbol next = table.look(window << run.bits);
      const bool ends = next.advance == HuffmanTable::kEndOfBlock;
      if (next.bits == 0 || run.bits + next.code_bits > kLookBits) break;
      if (!ends && run.advance + next.advance > kMostCoefficients) break;
      run.bits = static_cast<std::uint8_t>(run.bits + next.bits);
      run.advance = static_cast<std::uint8_t>(run.advance + next.advance);
    }
    table_[k] = run;
  }
}

}  // namespace fastload
