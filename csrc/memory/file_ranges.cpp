#include "memory/file_ranges.h"

#include <iterator>
#include <new>

namespace fastload {

std::uint64_t FileRanges::take(std::size_t bytes) {
  for (auto range = free_.begin(); range != free_.end(); ++range) {
    const auto [offset, length] = *range;
    if (length < bytes) continue;
    if (length > bytes) free_.emplace(offset + bytes, length - bytes);
    free_.erase(range);
    return offset;
  }
  const std::uint64_t offset = end_;
  end_ += bytes;
  return offset;
}

void FileRanges::give(std::uint64_t offset, std::size_t bytes) noexcept {
  std::uint64_t length = bytes;
  const auto after = free_.lower_bound(offset);
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      length += before->second;
      free_.erase(before);
    }
  }
  if (after != free_.end() && offset + length == after->first) {
    length += after->second;
    free_.erase(after);
  }
  if (offset + length == end_) {
    end_ = offset;
    return;
  }
  try {
    free_.emplace(offset, length);
  } catch (const std::bad_alloc&) {  // the range is lost, which costs no memory: it is a hole
  }
}

}  // namespace fastload
