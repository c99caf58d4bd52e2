#include "codecs/decode_mcu.h"
#include "codecs/scan_decoder.h"

namespace fastload {

bool decode_mcu_plain(ScanState& scan, Block* const* blocks) noexcept { return decode_blocks(scan, blocks); }

}  // namespace fastload
