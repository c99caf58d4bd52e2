// The owner's side of slots: warm memory that is handed out, comes back, and is handed out again.
//
// Life of a slot: FREE -acquire-> LEASED -send-> LEASED and SENT -> (the lease dies, the receiver gives back,
// in either order) -> FREE -retire-> gone. A slot is FREE exactly when it is neither LEASED nor SENT.
// In a forked child the file belongs to the parent, and so does memory that may be locked: the child drops what it
// inherited, keeps the mappings of its live leases, and goes on with memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/lease.h"
#include "memory/shared_file.h"

namespace fastload {

class SlotTable;

class Slots {
 public:
  struct Place {
    std::uint64_t slot;
    std::uint64_t file_offset;
    std::size_t capacity;
    std::size_t offset;  // from the slot's start
  };

  // file: where slots lie; null for private memory. keep_bytes: free memory beyond it goes back to the system.
  // lock_owner: who may lock private memory for a device, see page_locks.h; 0: nobody.
  Slots(std::shared_ptr<SharedFile> file, std::size_t keep_bytes, std::uint64_t lock_owner = 0);
  ~Slots();
  Slots(const Slots&) = delete;

  // A slot of at least nbytes >= 1 on a page's border, its bytes as the last user left them.
  // Throws OutOfMemory, std::system_error, or std::invalid_argument when the file is closed.
  [[nodiscard]] Lease acquire(std::size_t nbytes);

  // The slot that holds this address, if any.
  std::optional<Place> find(std::uintptr_t address) const;

  // The receiver holds the slot too from now on; false if it does already. Throws std::invalid_argument for
  // an unknown slot, as does give_back for one that the receiver does not hold.
  bool send(std::uint64_t slot);
  void give_back(std::span<const std::uint64_t> slots);

  std::vector<std::uint64_t> retired();  // slots of the file destroyed since the last call
  // Private memory: so many free slots, the last used, stay beyond keep_bytes from now on, or kKeptAlways if that is more.
  void keep(std::size_t slots);
  static constexpr std::size_t kKeptAlways = 2;
  void trim();                           // no free slots remain

  struct Counts {
    std::size_t slots, bytes, free_bytes, leased;
  };
  Counts counts() const;

 private:
  std::shared_ptr<SlotTable> table_;
};

// nbytes rounded up in steps of an eighth of its power of two, and to whole pages: sizes that differ a little
// share slots.
std::size_t slot_capacity(std::size_t nbytes) noexcept;

}  // namespace fastload
