// Entropy decoding of baseline JPEG files in place of libjpeg-turbo's, which takes most of the time of a whole decode.
//
// Coefficients of blocks that nobody wants are not computed: those above the region, and beside it. Only sound data is
// decoded here; whatever is odd in it is reported, so that the file can be decoded again by libjpeg itself, which knows
// how damage is to be worked around.
#pragma once

#include <array>
#include <cstdint>

#include "codecs/huffman.h"
#include "codecs/mcu_source.h"
#include "codecs/scan_state.h"

namespace fastload {

// The loops, compiled for what processors offer: see decode_mcu.h.
bool decode_mcu_plain(ScanState& scan, Block* const* blocks) noexcept;
bool decode_mcu_bmi2(ScanState& scan, Block* const* blocks) noexcept;

class ScanDecoder final : public McuSource {
 public:
  // Which codes the scan is decoded by. They are kept from one file to the next: most files use the same ones.
  const HuffmanTable& dc_table(int number, const HuffmanCode& code);
  const HuffmanTable& ac_table(int number, const HuffmanCode& code);
  const SkipTable& skip_table(int number);  // of the AC table of that number

  // data: from the scan's first byte to the end of the file. restart_interval: in MCUs, 0: none.
  void start(const std::uint8_t* data, const std::uint8_t* end, int restart_interval, int mcus_per_row) noexcept;
  // One more block in each MCU.
  void add_block(const BlockKind& kind) noexcept;
  // Of each row of MCUs, which are wanted: first to last.
  void want_columns(int first, int last) noexcept;

  bool next_mcu(Block* const* blocks) noexcept override;

 private:
  bool restart() noexcept;

  ScanState state_;
  int column_ = 0, mcus_per_row_ = 0, first_wanted_ = 0, last_wanted_ = 0;
  int restart_interval_ = 0, until_restart_ = 0, next_restart_ = 0;

  struct Cached {
    HuffmanTable table;
    SkipTable skip;
    bool made = false, skip_made = false;
  };
  std::array<Cached, 4> dc_, ac_;
};

}  // namespace fastload
