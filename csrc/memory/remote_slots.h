// The receiver's side of slots: maps what it is told of, and tells which slots it is done with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "memory/lease.h"
#include "memory/shared_file.h"

namespace fastload {

class RemoteTable;

class RemoteSlots {
 public:
  // lock_owner: who may lock these slots for a device, see page_locks.h; 0: nobody.
  explicit RemoteSlots(std::shared_ptr<SharedFile> file, std::uint64_t lock_owner = 0);
  ~RemoteSlots();
  RemoteSlots(const RemoteSlots&) = delete;

  // nbytes of the slot from offset on. Throws std::invalid_argument when the range is not inside the slot, the
  // slot is not inside the file, or it was seen before elsewhere; OutOfMemory when it cannot be mapped.
  [[nodiscard]] Lease lease(std::uint64_t slot, std::uint64_t file_offset, std::size_t capacity, std::size_t offset,
                            std::size_t nbytes);

  std::vector<std::uint64_t> returned();             // slots whose last lease died since the last call
  void forget(std::span<const std::uint64_t> slots);  // unmaps these, each when its leases are dead
  std::size_t leased() const;

 private:
  std::shared_ptr<RemoteTable> table_;
};

}  // namespace fastload
