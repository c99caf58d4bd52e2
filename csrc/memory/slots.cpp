#include "memory/slots.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "memory/fork_lock.h"
#include "memory/slot_table.h"

namespace fastload {

Slots::Slots(std::shared_ptr<SharedFile> file, std::size_t keep_bytes, std::uint64_t lock_owner)
    : table_(std::make_shared<SlotTable>(std::move(file), keep_bytes, lock_owner)) {}

Slots::~Slots() {
  const Locked lock = lock_tables();
  table_->close();
}

Lease Slots::acquire(std::size_t nbytes) {
  if (nbytes < 1) throw std::invalid_argument("nbytes must be >= 1, got 0");
  const Locked lock = lock_tables();
  table_->enter();
  Slot& slot = table_->acquire(nbytes);
  return Lease(table_, &slot, slot.number, slot.memory.data(), nbytes);
}

std::optional<Slots::Place> Slots::find(std::uintptr_t address) const {
  const Locked lock = lock_tables();
  table_->enter();
  const Slot* slot = table_->find(address);
  if (slot == nullptr) return std::nullopt;
  const auto start = reinterpret_cast<std::uintptr_t>(slot->memory.data());
  return Place{slot->number, slot->file_offset, slot->memory.size(), address - start};
}

bool Slots::send(std::uint64_t number) {
  const Locked lock = lock_tables();
  table_->enter();
  Slot& slot = table_->known(number);
  if (!slot.leased && !slot.sent) throw std::invalid_argument("slot " + std::to_string(number) + " is free");
  return !std::exchange(slot.sent, true);
}

void Slots::give_back(std::span<const std::uint64_t> numbers) {
  const Locked lock = lock_tables();
  table_->enter();
  for (const std::uint64_t number : numbers) {
    Slot& slot = table_->known(number);
    if (!slot.sent) throw std::invalid_argument("slot " + std::to_string(number) + " was not sent");
    table_->give_back(slot);
  }
}

std::vector<std::uint64_t> Slots::retired() {
  const Locked lock = lock_tables();
  table_->enter();
  return table_->take_retired();
}

void Slots::keep(std::size_t slots) {
  const Locked lock = lock_tables();
  table_->enter();
  table_->keep(std::max(slots, kKeptAlways));
}

void Slots::trim() {
  const Locked lock = lock_tables();
  table_->enter();
  table_->trim();
}

Slots::Counts Slots::counts() const {
  const Locked lock = lock_tables();
  table_->enter();
  return table_->counts();
}

}  // namespace fastload
