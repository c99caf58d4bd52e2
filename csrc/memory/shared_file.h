// Memory without a name that several processes can map: a descriptor, and what the system does for its ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "memory/mapping.h"

namespace fastload {

class SharedFile {
 public:
  // fd >= 0: owns that descriptor from now on. Else makes a file: kind is "auto", "memfd" or "posix".
  // Throws std::invalid_argument for another kind, std::system_error when the system refuses.
  explicit SharedFile(int fd = -1, const std::string& kind = "auto");

  // The descriptor, closed on exec. This and all below throw std::invalid_argument after close().
  int fileno() const;
  std::uint64_t bytes() const;

  // Makes the range real memory, growing the file: writing there cannot fail afterwards.
  // Throws std::system_error, leaving nothing behind.
  void reserve(std::uint64_t offset, std::size_t bytes);

  // Gives the memory of the range back to the system; it reads as zeros until reserved again.
  void punch(std::uint64_t offset, std::size_t bytes) noexcept;

  [[nodiscard]] Mapping map(std::uint64_t offset, std::size_t bytes, std::uint64_t lock_owner = 0) const;

  void close() noexcept;  // twice safe; calls under way in other threads keep the descriptor until they return

 private:
  struct Descriptor;
  std::shared_ptr<Descriptor> open() const;

  mutable std::mutex mutex_;  // guards descriptor_, never held over a system call
  std::shared_ptr<Descriptor> descriptor_;
};

}  // namespace fastload
