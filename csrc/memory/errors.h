// What the memory part throws besides std::invalid_argument (the caller's mistake) and std::system_error.
#pragma once

#include <stdexcept>

namespace fastload {

// The system refuses memory; the text has the bytes wanted and the bytes held. Python sees MemoryError.
class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace fastload
