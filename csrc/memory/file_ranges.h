// Which parts of a file are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace fastload {

// Ranges that came back are used again before the file grows, or a limit on its size would be met by a
// loader whose batches keep growing although it holds little memory.
class FileRanges {
 public:
  explicit FileRanges(std::uint64_t start = 0) noexcept : end_(start) {}

  [[nodiscard]] std::uint64_t take(std::size_t bytes);
  void give(std::uint64_t offset, std::size_t bytes) noexcept;  // as taken

 private:
  std::map<std::uint64_t, std::uint64_t> free_;  // offset to bytes; no two touch, none reaches end_
  std::uint64_t end_;
};

}  // namespace fastload
