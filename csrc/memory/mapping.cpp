#include "memory/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "memory/page_locks.h"

namespace fastload {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

#ifdef MAP_POPULATE
constexpr int kPopulate = MAP_POPULATE;
#else
constexpr int kPopulate = 0;
#endif

std::byte* map_anonymous(std::size_t bytes, int sharing) noexcept {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
}

// Starts on a huge page's border, or the first page gets none. nullptr when there is no room for that.
std::byte* map_huge(std::size_t bytes, int sharing) noexcept {
  std::byte* all = map_anonymous(bytes + kHugePage, sharing);
  if (all == nullptr) return nullptr;
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(all) % kHugePage) % kHugePage;
  if (before != 0) munmap(all, before);
  munmap(all + before + bytes, kHugePage - before);
#ifdef MADV_HUGEPAGE
  madvise(all + before, bytes, MADV_HUGEPAGE);
#endif
  return all + before;
}

}  // namespace

Mapping::Mapping(std::byte* data, std::size_t bytes, std::uint64_t lock_owner) noexcept : data_(data), bytes_(bytes) {
  if (lock_owner != 0) note_mapping(data, bytes, lock_owner);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ == nullptr) return;
  forget_mapping(data_);
  munmap(data_, bytes_);
}

Mapping Mapping::shared(int fd, std::uint64_t offset, std::size_t bytes, std::uint64_t lock_owner) {
  void* data =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | kPopulate, fd, static_cast<off_t>(offset));
  if (data == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  return Mapping(static_cast<std::byte*>(data), bytes, lock_owner);
}

Mapping Mapping::anonymous(std::size_t bytes, std::uint64_t lock_owner) {
  const int sharing = lock_owner != 0 ? MAP_SHARED : MAP_PRIVATE;
  std::byte* data = bytes >= kHugePage ? map_huge(bytes, sharing) : nullptr;
  if (data == nullptr) data = map_anonymous(bytes, sharing);
  if (data == nullptr) throw std::system_error(errno, std::generic_category(), "mmap");
  return Mapping(data, bytes, lock_owner);
}

std::size_t page_bytes() noexcept {
  static const std::size_t bytes = std::max<std::size_t>(4096, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
  return bytes;
}

}  // namespace fastload
