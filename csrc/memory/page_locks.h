// Mappings that a device's driver has locked in place, so that the device reads them by itself.
//
// Only the driver's library is used, which is looked for at run time: nothing is linked. A mapping is locked when it
// is first asked for and unlocked before it is unmapped, in whatever thread that happens; a forked child, in which
// the driver is of no use, unlocks nothing.
//
// Only memory whose tensors stay with a loader may be locked, and by that loader: a mapping says whose it is. To torch
// a tensor there is pinned, so a user's copy with non_blocking does not wait for the device, and nobody knows when its
// slot may be used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fastload {

// Takes the driver's functions from a library such as "libcuda.so.1". Says what is wrong, "" if nothing is.
std::string use_driver(const char* library);

// Locks the mapping of this owner that holds the address, for all devices; device: one whose context there is. The
// calling thread keeps the context that it has, if any. 0, also if it is locked already; the driver's error; kNoMapping
// where the address is in no mapping of this owner, kNoDriver without use_driver.
int lock_pages(std::uintptr_t address, int device, std::uint64_t owner);
constexpr int kNoMapping = -1;
constexpr int kNoDriver = -2;

// Unlocks the mappings of this owner; no copy from there may be under way.
void unlock_pages(std::uint64_t owner);

// Whether the address is in a mapping that has an owner.
bool may_be_locked(std::uintptr_t address);

std::size_t locked_bytes();

// CUDA's mode of the calling thread for what may wait for a device while some stream is captured as a graph: kRelaxed
// lets it through, the others end that capture. The mode until now; without use_driver nothing changes, and it is
// kGlobal.
int exchange_capture_mode(int mode) noexcept;
constexpr int kGlobal = 0;   // CU_STREAM_CAPTURE_MODE_GLOBAL, a thread's first one
constexpr int kRelaxed = 2;  // CU_STREAM_CAPTURE_MODE_RELAXED

// For Mapping: the memory is there; it is about to go. Neither throws. owner: not 0.
void note_mapping(std::byte* data, std::size_t bytes, std::uint64_t owner) noexcept;
void forget_mapping(std::byte* data) noexcept;

}  // namespace fastload
