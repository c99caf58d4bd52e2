// Where libjpeg gets the coefficients of an image from, MCU after MCU.
#pragma once

#include "codecs/scan_state.h"

namespace fastload {

class McuSource {
 public:
  // The next MCU's blocks, which are all zero before. False: there is something odd in the data.
  virtual bool next_mcu(Block* const* blocks) noexcept = 0;

 protected:
  ~McuSource() = default;
};

}  // namespace fastload
