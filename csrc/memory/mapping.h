// A range of mapped memory that is unmapped when its owner dies.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

class Mapping {
 public:
  Mapping() noexcept = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // Both throw std::system_error. lock_owner: who may lock it, see page_locks.h; 0: nobody.
  // shared: bytes of the file from offset on, page tables filled.
  [[nodiscard]] static Mapping shared(int fd, std::uint64_t offset, std::size_t bytes, std::uint64_t lock_owner = 0);
  // Zeroed memory of this process, not touched yet; on huge pages from 2 MiB on where the system has them. If it may
  // be locked, a forked child has the same pages, not copies: a device goes on reading those of the parent.
  [[nodiscard]] static Mapping anonymous(std::size_t bytes, std::uint64_t lock_owner = 0);

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return bytes_; }

 private:
  Mapping(std::byte* data, std::size_t bytes, std::uint64_t lock_owner) noexcept;

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

std::size_t page_bytes() noexcept;  // the system's page, at least 4096

}  // namespace fastload
