// Time in ticks of the processor's own counter, which is read in a few nanoseconds: the system's clock takes ten times as
// long in a virtual machine, too long to be asked every few rows of an image.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace fastload {

inline std::int64_t clock_nanoseconds() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline std::int64_t ticks() noexcept {
#if defined(__x86_64__)
  return static_cast<std::int64_t>(__rdtsc());
#else
  return clock_nanoseconds();
#endif
}

// As both clocks have counted since the program began.
double nanoseconds_per_tick() noexcept;

}  // namespace fastload
