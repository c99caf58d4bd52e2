// The memory of pretended devices, and the host's memory that they read by themselves.
//
// A device's memory is mapped twice: programs get addresses that nobody may read or write, so a host that does is
// caught at once; tasks use the other mapping.
#pragma once

#include <cstddef>
#include <optional>

#include "work.h"

namespace emulated {

enum class Kind { kUnknown, kDevice, kPinned, kRegistered };

struct Place {
  Kind kind = Kind::kUnknown;
  int device = 0;
};

// nullptr where there is no room. New memory is full of odd bytes.
void* allocate_on_device(int device, std::size_t bytes);
bool free_on_device(void* address);  // false: it was not allocated, or begins elsewhere
std::size_t free_bytes(int device);
std::size_t bytes_of_device();

void* allocate_pinned(std::size_t bytes);
bool free_pinned(void* address);

// EMULATED_GPU_LOCKED_BYTES: how much can be registered; without it all.
enum class Registered { kYes, kAlready, kTooMuch };
Registered register_host(void* address, std::size_t bytes);
bool unregister_host(void* address);

Place place_of(const void* address);
bool is_read_by_devices(Bytes host);  // all of it

// Where a task finds the byte that programs know by this address.
char* as_tasks_see(const void* address);

}  // namespace emulated
