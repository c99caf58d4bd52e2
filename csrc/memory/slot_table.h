// The state behind Slots, shared with its leases. Every member but release is called with lock_tables() held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "memory/file_ranges.h"
#include "memory/fork_lock.h"
#include "memory/lease.h"
#include "memory/mapping.h"
#include "memory/shared_file.h"
#include "memory/slots.h"

namespace fastload {

struct Slot {
  std::uint64_t number = 0;
  std::uint64_t file_offset = 0;
  Mapping memory;
  std::uint64_t freed_at = 0;  // a clock that ticks with each slot that becomes free
  bool leased = false;
  bool sent = false;
  bool orphan = false;  // inherited from the parent process: dies with its lease
};

class SlotTable final : public LeaseHome {
 public:
  SlotTable(std::shared_ptr<SharedFile> file, std::size_t keep_bytes, std::uint64_t lock_owner);

  void release(void* slot) noexcept override;

  void enter();  // first in every call: lets go of what a forked child may not touch
  Slot& acquire(std::size_t nbytes);
  const Slot* find(std::uintptr_t address) const;
  Slot& known(std::uint64_t number);
  void give_back(Slot& slot) noexcept;
  std::vector<std::uint64_t> take_retired();
  void keep(std::size_t slots) noexcept;
  void trim() noexcept;
  void close() noexcept;  // no call follows but release
  Slots::Counts counts() const noexcept { return {slots_.size(), bytes_, free_bytes_, leased_}; }

 private:
  Slot* take_free(std::size_t nbytes) noexcept;
  void make_room(std::size_t nbytes) noexcept;
  Slot& create(std::size_t nbytes);
  std::unique_ptr<Slot> map_slot(std::size_t capacity);
  void add(std::unique_ptr<Slot> slot);
  void become_free(Slot& slot) noexcept;
  void drop_oldest(std::size_t least) noexcept;  // while free memory exceeds keep_bytes_ and more than least are free
  void retire(Slot& slot) noexcept;
  void erase(Slot& slot) noexcept;
  void leave_to_parent() noexcept;

  std::shared_ptr<SharedFile> file_;  // null: private memory
  const std::size_t keep_bytes_;
  const std::uint64_t lock_owner_;
  std::size_t keep_slots_ = Slots::kKeptAlways;
  FileRanges ranges_;
  std::map<std::uint64_t, std::unique_ptr<Slot>> slots_;
  std::map<std::uintptr_t, Slot*> by_address_;
  std::vector<Slot*> free_;  // by capacity, the last freed first; room for all slots, so release cannot fail
  std::vector<std::uint64_t> retired_;  // room for all slots, likewise
  std::uint64_t next_number_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t generation_;
  std::size_t bytes_ = 0;
  std::size_t free_bytes_ = 0;
  std::size_t leased_ = 0;
  bool closed_ = false;
};

}  // namespace fastload
