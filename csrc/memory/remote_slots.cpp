#include "memory/remote_slots.h"

#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "memory/errors.h"
#include "memory/fork_lock.h"
#include "memory/mapping.h"

namespace fastload {
namespace {

struct Remote {
  std::uint64_t number;
  std::uint64_t file_offset;
  Mapping memory;
  std::size_t leases = 0;
  bool forgotten = false;  // gone on the owner's side: unmapped with its last lease, and not reported
  bool reported = false;   // in the list of returned slots
};

}  // namespace

// Shared with the leases; every member but release is called with lock_tables() held.
class RemoteTable final : public LeaseHome {
 public:
  RemoteTable(std::shared_ptr<SharedFile> file, std::uint64_t lock_owner)
      : file_(std::move(file)), lock_owner_(lock_owner) {}

  void release(void* key) noexcept override {
    const Locked lock = lock_tables();
    Remote& slot = *static_cast<Remote*>(key);
    --leased_;
    if (--slot.leases != 0) return;
    if (slot.forgotten) {
      slots_.erase(slot.number);
    } else if (!std::exchange(slot.reported, true)) {
      returned_.push_back(slot.number);
    }
  }

  Remote& seen(std::uint64_t number, std::uint64_t file_offset, std::size_t capacity) {
    const auto known = slots_.find(number);
    if (known == slots_.end()) return map(number, file_offset, capacity);
    Remote& slot = known->second;
    if (slot.file_offset != file_offset || slot.memory.size() != capacity || slot.forgotten)
      throw std::invalid_argument("slot " + std::to_string(number) + " was another one before");
    return slot;
  }

  void add_lease(Remote& slot) noexcept {
    ++slot.leases;
    ++leased_;
  }

  std::vector<std::uint64_t> take_returned() {
    std::vector<std::uint64_t> taken(returned_);
    for (const std::uint64_t number : taken) {
      if (const auto slot = slots_.find(number); slot != slots_.end()) slot->second.reported = false;
    }
    returned_.clear();  // keeps its room
    return taken;
  }

  void forget(std::uint64_t number) noexcept {
    const auto slot = slots_.find(number);
    if (slot == slots_.end()) return;
    if (slot->second.reported) std::erase(returned_, number);
    if (slot->second.leases == 0) slots_.erase(slot);
    else slot->second.forgotten = true;
  }

  void close() noexcept {
    file_.reset();
    for (auto slot = slots_.begin(); slot != slots_.end();) forget((slot++)->first);
  }

  std::size_t leased() const noexcept { return leased_; }

 private:
  Remote& map(std::uint64_t number, std::uint64_t file_offset, std::size_t capacity) {
    if (file_offset % page_bytes() != 0 || file_->bytes() < capacity || file_->bytes() - capacity < file_offset)
      throw std::invalid_argument("slot " + std::to_string(number) + " is not inside the shared file");
    returned_.reserve(slots_.size() + 1);  // so that release cannot fail
    Mapping memory = file_->map(file_offset, capacity, lock_owner_);
    return slots_.emplace(number, Remote{number, file_offset, std::move(memory)}).first->second;
  }

  std::shared_ptr<SharedFile> file_;
  const std::uint64_t lock_owner_;
  std::map<std::uint64_t, Remote> slots_;
  std::vector<std::uint64_t> returned_;  // room for all slots; each is in it once at most
  std::size_t leased_ = 0;
};

RemoteSlots::RemoteSlots(std::shared_ptr<SharedFile> file, std::uint64_t lock_owner)
    : table_(std::make_shared<RemoteTable>(std::move(file), lock_owner)) {}

RemoteSlots::~RemoteSlots() {
  const Locked lock = lock_tables();
  table_->close();
}

Lease RemoteSlots::lease(std::uint64_t number, std::uint64_t file_offset, std::size_t capacity, std::size_t offset,
                         std::size_t nbytes) {
  if (nbytes < 1 || nbytes > capacity || offset > capacity - nbytes)
    throw std::invalid_argument(std::to_string(nbytes) + " bytes at " + std::to_string(offset) +
                                " are not inside a slot of " + std::to_string(capacity));
  const Locked lock = lock_tables();
  try {
    Remote& slot = table_->seen(number, file_offset, capacity);
    table_->add_lease(slot);
    return Lease(table_, &slot, number, slot.memory.data() + offset, nbytes);
  } catch (const std::system_error& failure) {
    throw OutOfMemory("cannot map a slot of " + std::to_string(capacity) + " bytes: " + failure.what());
  }
}

std::vector<std::uint64_t> RemoteSlots::returned() {
  const Locked lock = lock_tables();
  return table_->take_returned();
}

void RemoteSlots::forget(std::span<const std::uint64_t> slots) {
  const Locked lock = lock_tables();
  for (const std::uint64_t slot : slots) table_->forget(slot);
}

std::size_t RemoteSlots::leased() const {
  const Locked lock = lock_tables();
  return table_->leased();
}

}  // namespace fastload
