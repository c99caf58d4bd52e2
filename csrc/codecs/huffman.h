// Huffman codes of JPEG files as tables that are looked up by the next bits of the data.
#pragma once

#include <array>
#include <cstdint>

namespace fastload {

// A code as a file describes it: how many symbols have each length, and the symbols by length (T.81, annex C).
struct HuffmanCode {
  std::array<std::uint8_t, 17> counts;  // by length in bits, 1 to 16
  std::array<std::uint8_t, 256> symbols;
  bool operator==(const HuffmanCode&) const = default;
};

// What one symbol of the data says. A symbol is a code word and the bits of a coefficient's value after it.
struct HuffmanSymbol {
  std::uint8_t bits = 0;       // of the symbol in all; 0: the code word is longer than what was looked up, or wrong
  std::uint8_t code_bits = 0;  // of the code word alone
  std::uint8_t value_bits = 0;
  std::uint8_t advance = 0;    // how far the coefficient is behind the last one; kEndOfBlock: there is none
};

class HuffmanTable {
 public:
  static constexpr int kLookBits = 10;
  static constexpr std::uint8_t kEndOfBlock = 128;  // more than any place in a block

  // most_value_bits: symbols that announce more are wrong, 11 for DC differences, 10 for AC coefficients.
  void make(const HuffmanCode& code, int most_value_bits);

  const HuffmanCode& code() const noexcept { return code_; }
  // window: the data's next 64 bits.
  HuffmanSymbol look(std::uint64_t window) const noexcept { return table_[window >> (64 - kLookBits)]; }
  // The same for code words of any length; bits 0: there is no such word.
  HuffmanSymbol search(std::uint64_t window) const noexcept;

 private:
  HuffmanSymbol symbol(int code_bits, std::uint8_t symbol) const noexcept;

  HuffmanCode code_{};
  int most_value_bits_ = 0;
  std::array<HuffmanSymbol, 1 << kLookBits> table_{};
  std::array<std::int32_t, 17> end_{};     // of each length, one more than the largest word; -1: there is none
  std::array<std::int32_t, 17> offset_{};  // from a word to the number of its symbol
};

// Several symbols at a time, for blocks whose coefficients are of no interest.
class SkipTable {
 public:
  static constexpr int kLookBits = 11;

  struct Run {
    std::uint8_t bits = 0;     // of all the symbols; 0: look in the other table
    std::uint8_t advance = 0;  // of all of them; + kEndOfBlock if the last one ends the block
  };

  void make(const HuffmanTable& table);
  Run look(std::uint64_t window) const noexcept { return table_[window >> (64 - kLookBits)]; }

 private:
  std::array<Run, 1 << kLookBits> table_{};
};

}  // namespace fastload
