// The right to use a piece of a slot: its death is the return of the slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace fastload {

// A table of slots as its leases see it. Leases share it, so it lives until the last of them is dead.
class LeaseHome {
 public:
  virtual ~LeaseHome() = default;
  virtual void release(void* slot) noexcept = 0;  // from any thread, once for each lease
};

class Lease {
 public:
  Lease(std::shared_ptr<LeaseHome> home, void* key, std::uint64_t slot, std::byte* data, std::size_t nbytes) noexcept
      : home_(std::move(home)), key_(key), slot_(slot), data_(data), nbytes_(nbytes) {}
  Lease(Lease&&) noexcept = default;  // the source is left without a home, and releases nothing
  ~Lease() {
    if (home_ != nullptr) home_->release(key_);
  }

  std::uint64_t slot() const noexcept { return slot_; }
  std::byte* data() const noexcept { return data_; }
  std::size_t nbytes() const noexcept { return nbytes_; }

 private:
  std::shared_ptr<LeaseHome> home_;
  void* key_;
  std::uint64_t slot_;
  std::byte* data_;
  std::size_t nbytes_;
};

}  // namespace fastload
