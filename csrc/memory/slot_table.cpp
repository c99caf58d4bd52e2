#include "memory/slot_table.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "memory/errors.h"

namespace fastload {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 46;  // more than any address space has; sums cannot overflow
constexpr std::size_t kLooseFit = 64 << 10;

bool fits_before(std::size_t capacity, std::uint64_t freed_at, const Slot& other) noexcept {
  return capacity != other.memory.size() ? capacity < other.memory.size() : freed_at > other.freed_at;
}

bool before(const Slot* a, const Slot* b) noexcept { return fits_before(a->memory.size(), a->freed_at, *b); }

bool means_exhausted(int error) noexcept {
  return error == ENOMEM || error == ENOSPC || error == EFBIG || error == EAGAIN || error == EDQUOT;
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t step) noexcept { return (value + step - 1) / step * step; }

}  // namespace

std::size_t slot_capacity(std::size_t nbytes) noexcept {
  return round_up(nbytes, std::max(page_bytes(), std::bit_floor(nbytes) / 8));
}

SlotTable::SlotTable(std::shared_ptr<SharedFile> file, std::size_t keep_bytes, std::uint64_t lock_owner)
    : file_(std::move(file)), keep_bytes_(keep_bytes), lock_owner_(lock_owner), generation_(fork_generation()) {
  // What an earlier owner left in the file may still be leased by the receiver.
  if (file_ != nullptr) ranges_ = FileRanges(round_up(file_->bytes(), page_bytes()));
}

void SlotTable::release(void* key) noexcept {
  const Locked lock = lock_tables();
  Slot& slot = *static_cast<Slot*>(key);
  slot.leased = false;
  --leased_;
  if (closed_ || slot.orphan) {
    erase(slot);
  } else if (!slot.sent) {
    become_free(slot);
    if (file_ == nullptr) drop_oldest(keep_slots_);
  }
}

void SlotTable::keep(std::size_t slots) noexcept {
  keep_slots_ = slots;
  if (file_ == nullptr) drop_oldest(keep_slots_);
}

void SlotTable::enter() {
  if (generation_ == fork_generation()) return;
  generation_ = fork_generation();
  if (file_ != nullptr || lock_owner_ != 0) leave_to_parent();
}

Slot& SlotTable::acquire(std::size_t nbytes) {
  Slot* slot = take_free(nbytes);
  if (slot == nullptr) {
    make_room(nbytes);
    slot = &create(nbytes);
  }
  slot->leased = true;
  ++leased_;
  return *slot;
}

Slot* SlotTable::take_free(std::size_t nbytes) noexcept {
  const auto fit = std::lower_bound(free_.begin(), free_.end(), nbytes,
                                    [](const Slot* slot, std::size_t wanted) { return slot->memory.size() < wanted; });
  if (fit == free_.end() || (*fit)->memory.size() > std::max(4 * nbytes, nbytes + kLooseFit)) return nullptr;
  Slot* slot = *fit;
  free_.erase(fit);
  free_bytes_ -= slot->memory.size();
  return slot;
}

// Batches that grow: the largest slot that is too small makes way for the new one.
void SlotTable::make_room(std::size_t nbytes) noexcept {
  const auto larger = std::lower_bound(free_.begin(), free_.end(), nbytes,
                                       [](const Slot* slot, std::size_t wanted) { return slot->memory.size() < wanted; });
  if (larger != free_.begin()) retire(**std::prev(larger));
  drop_oldest(0);
}

Slot& SlotTable::create(std::size_t nbytes) {
  for (int attempt = 0;; ++attempt) {
    const std::string held = std::to_string(slots_.size()) + " slots hold " + std::to_string(bytes_) + " bytes";
    int error = ENOMEM;
    try {
      if (nbytes <= kMostBytes) {
        auto slot = map_slot(slot_capacity(nbytes));
        Slot& created = *slot;
        add(std::move(slot));
        return created;
      }
    } catch (const std::system_error& failure) {
      error = failure.code().value();
      if (!means_exhausted(error)) throw;
    }
    if (attempt == 0 && !free_.empty() && nbytes <= kMostBytes) {
      trim();
      continue;
    }
    throw OutOfMemory("cannot get " + std::to_string(nbytes) + " bytes for a batch (" +
                      std::generic_category().message(error) + "): " + held + ", " + std::to_string(leased_) +
                      " leases are alive; use smaller batches or a lower prefetch_factor, or keep fewer batches");
  }
}

std::unique_ptr<Slot> SlotTable::map_slot(std::size_t capacity) {
  auto slot = std::make_unique<Slot>();
  if (file_ == nullptr) {
    slot->memory = Mapping::anonymous(capacity, lock_owner_);
    return slot;
  }
  slot->file_offset = ranges_.take(capacity);
  try {
    file_->reserve(slot->file_offset, capacity);
    slot->memory = file_->map(slot->file_offset, capacity);
  } catch (...) {
    file_->punch(slot->file_offset, capacity);
    ranges_.give(slot->file_offset, capacity);
    throw;
  }
  return slot;
}

void SlotTable::add(std::unique_ptr<Slot> slot) {
  free_.reserve(slots_.size() + 1);
  retired_.reserve(retired_.size() + slots_.size() + 1);
  slot->number = next_number_;
  const auto address = reinterpret_cast<std::uintptr_t>(slot->memory.data());
  by_address_.emplace(address, slot.get());
  Slot& added = *slot;
  try {
    slots_.emplace(added.number, std::move(slot));
  } catch (...) {
    by_address_.erase(address);
    throw;
  }
  ++next_number_;
  bytes_ += added.memory.size();
}

const Slot* SlotTable::find(std::uintptr_t address) const {
  const auto after = by_address_.upper_bound(address);
  if (after == by_address_.begin()) return nullptr;
  const auto [start, slot] = *std::prev(after);
  return address - start < slot->memory.size() ? slot : nullptr;
}

Slot& SlotTable::known(std::uint64_t number) {
  const auto found = slots_.find(number);
  if (found == slots_.end() || found->second->orphan)
    throw std::invalid_argument("no slot " + std::to_string(number) + " here");
  return *found->second;
}

void SlotTable::give_back(Slot& slot) noexcept {
  slot.sent = false;
  if (!slot.leased) become_free(slot);
}

std::vector<std::uint64_t> SlotTable::take_retired() {
  std::vector<std::uint64_t> taken(retired_);
  retired_.clear();  // keeps its room
  return taken;
}

void SlotTable::trim() noexcept {
  while (!free_.empty()) retire(*free_.back());
}

void SlotTable::close() noexcept {
  if (generation_ == fork_generation()) trim();
  closed_ = true;
  file_.reset();
  for (auto entry = slots_.begin(); entry != slots_.end();) {
    Slot& slot = *(entry++)->second;
    if (!slot.leased) erase(slot);
  }
}

void SlotTable::become_free(Slot& slot) noexcept {
  slot.freed_at = ++clock_;
  free_.insert(std::upper_bound(free_.begin(), free_.end(), &slot, before), &slot);
  free_bytes_ += slot.memory.size();
}

void SlotTable::drop_oldest(std::size_t least) noexcept {
  while (free_bytes_ > keep_bytes_ && free_.size() > least)
    retire(**std::min_element(free_.begin(), free_.end(),
                              [](const Slot* a, const Slot* b) { return a->freed_at < b->freed_at; }));
}

void SlotTable::retire(Slot& slot) noexcept {
  std::erase(free_, &slot);
  free_bytes_ -= slot.memory.size();
  if (file_ != nullptr) {
    file_->punch(slot.file_offset, slot.memory.size());
    ranges_.give(slot.file_offset, slot.memory.size());
    retired_.push_back(slot.number);
  }
  erase(slot);
}

void SlotTable::erase(Slot& slot) noexcept {
  bytes_ -= slot.memory.size();
  const auto entry = by_address_.find(reinterpret_cast<std::uintptr_t>(slot.memory.data()));
  if (entry != by_address_.end() && entry->second == &slot) by_address_.erase(entry);
  slots_.erase(slot.number);
}

void SlotTable::leave_to_parent() noexcept {
  file_.reset();
  free_.clear();
  free_bytes_ = 0;
  retired_.clear();
  for (auto entry = slots_.begin(); entry != slots_.end();) {
    Slot& slot = *(entry++)->second;
    slot.orphan = true;
    if (!slot.leased) erase(slot);
  }
  by_address_.clear();
}

}  // namespace fastload
