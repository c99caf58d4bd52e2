// Where the decoding of a scan stands, and what its MCUs consist of.
#pragma once

#include <array>
#include <cstdint>

#include "codecs/bit_reader.h"
#include "codecs/huffman.h"

namespace fastload {

using Block = std::int16_t[64];  // a block's coefficients, in rows

constexpr int kMostBlocks = 10;  // of an MCU
constexpr int kMostComponents = 4;

// How one block of every MCU is coded.
struct BlockKind {
  int component = 0;
  const HuffmanTable* dc = nullptr;
  const HuffmanTable* ac = nullptr;
  const SkipTable* skip = nullptr;
  bool only_dc = false;  // the other coefficients are of no interest
};

struct ScanState {
  BitReader bits;
  std::array<std::int32_t, kMostComponents> last_dc{};
  std::array<BlockKind, kMostBlocks> blocks{};
  int block_count = 0;
};

}  // namespace fastload
