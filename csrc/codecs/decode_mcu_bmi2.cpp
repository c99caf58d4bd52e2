// BMI2: shifts by a number of bits that is not known beforehand take one instruction, and leave the flags alone.
#if defined(__x86_64__)

#include "codecs/scan_decoder.h"
#include "core/target.h"

FASTLOAD_TARGET("bmi,bmi2")

#include "codecs/decode_mcu.h"

namespace fastload {

bool decode_mcu_bmi2(ScanState& scan, Block* const* blocks) noexcept { return decode_blocks(scan, blocks); }

}  // namespace fastload

FASTLOAD_END_TARGET

#endif
