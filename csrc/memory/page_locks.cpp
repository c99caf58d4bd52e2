#include "memory/page_locks.h"

#include <dlfcn.h>

#include <map>

#include "memory/fork_lock.h"

namespace fastload {
namespace {

// CUDA's driver interface, as far as it is needed; 0 is success.
struct Driver {
  using Context = void*;
  int (*device)(int*, int) = nullptr;
  int (*retain)(Context*, int) = nullptr;
  int (*push)(Context) = nullptr;
  int (*pop)(Context*) = nullptr;
  int (*lock)(void*, std::size_t, unsigned) = nullptr;
  int (*unlock)(void*) = nullptr;
  int (*exchange_capture_mode)(int*) = nullptr;  // in drivers that know of it
};

constexpr unsigned kForAllContexts = 1;  // CU_MEMHOSTREGISTER_PORTABLE

struct Range {
  std::size_t bytes;
  std::uint64_t owner;
  bool is_locked = false;
  Driver::Context context = nullptr;
  std::uint64_t generation = 0;  // of the process that locked it
};

// Never destroyed: mappings go as late as the interpreter's exit.
std::map<std::uintptr_t, Range>& ranges = *new std::map<std::uintptr_t, Range>;
std::map<int, Driver::Context>& contexts = *new std::map<int, Driver::Context>;  // by device
Driver driver;

bool counts(const Range& range) noexcept { return range.is_locked && range.generation == fork_generation(); }

Range* find(std::uintptr_t address, std::uintptr_t& start) {
  const auto after = ranges.upper_bound(address);
  if (after == ranges.begin()) return nullptr;
  auto& found = *std::prev(after);
  start = found.first;
  return address - start < found.second.bytes ? &found.second : nullptr;
}

template <typename Function>
bool take(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// That of CUDA's runtime, which is never given back: it is there as long as the process.
int context_of(int number, Driver::Context& context) {
  if (const auto known = contexts.find(number); known != contexts.end()) {
    context = known->second;
    return 0;
  }
  int device = 0;
  if (const int error = driver.device(&device, number); error != 0) return error;
  if (const int error = driver.retain(&context, device); error != 0) return error;
  contexts[number] = context;
  return 0;
}

// Locking and unlocking has nothing to do with what is captured meanwhile.
class BesideCaptures {
 public:
  BesideCaptures() noexcept : outer_(exchange_capture_mode(kRelaxed)) {}
  ~BesideCaptures() { exchange_capture_mode(outer_); }
  BesideCaptures(const BesideCaptures&) = delete;
  BesideCaptures& operator=(const BesideCaptures&) = delete;

 private:
  int outer_;
};

// The thread that unmaps may have no context, or that of another device, and keeps it.
void unlock(std::uintptr_t start, const Range& range) noexcept {
  const BesideCaptures beside;
  if (driver.push(range.context) != 0) return;
  driver.unlock(reinterpret_cast<void*>(start));
  Driver::Context popped;
  driver.pop(&popped);
}

}  // namespace

std::string use_driver(const char* library) {
  void* opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) return dlerror();
  Driver found;
  const bool is_whole = take(opened, "cuDeviceGet", found.device) && take(opened, "cuDevicePrimaryCtxRetain", found.retain) &&
                        take(opened, "cuCtxPushCurrent_v2", found.push) && take(opened, "cuCtxPopCurrent_v2", found.pop) &&
                        take(opened, "cuMemHostRegister_v2", found.lock) &&
                        take(opened, "cuMemHostUnregister", found.unlock);
  if (!is_whole) {
    dlclose(opened);
    return std::string(library) + " has not all functions of CUDA's driver";
  }
  take(opened, "cuThreadExchangeStreamCaptureMode", found.exchange_capture_mode);
  const Locked lock = lock_mappings();
  driver = found;  // the library stays open
  return "";
}

int lock_pages(std::uintptr_t address, int device, std::uint64_t owner) {
  const Locked lock = lock_mappings();
  std::uintptr_t start = 0;
  Range* range = find(address, start);
  if (range == nullptr || range->owner != owner) return kNoMapping;
  if (counts(*range)) return 0;
  if (driver.lock == nullptr) return kNoDriver;
  const BesideCaptures beside;
  Driver::Context context = nullptr;
  if (const int error = context_of(device, context); error != 0) return error;
  if (const int error = driver.push(context); error != 0) return error;
  const int error = driver.lock(reinterpret_cast<void*>(start), range->bytes, kForAllContexts);
  Driver::Context popped = nullptr;
  driver.pop(&popped);
  if (error != 0) return error;
  *range = Range{range->bytes, owner, true, context, fork_generation()};
  return 0;
}

void unlock_pages(std::uint64_t owner) {
  const Locked lock = lock_mappings();
  for (auto& [start, range] : ranges) {
    if (!counts(range) || range.owner != owner) continue;
    unlock(start, range);
    range.is_locked = false;
  }
}

bool may_be_locked(std::uintptr_t address) {
  const Locked lock = lock_mappings();
  std::uintptr_t start = 0;
  return find(address, start) != nullptr;
}

std::size_t locked_bytes() {
  const Locked lock = lock_mappings();
  std::size_t bytes = 0;
  for (const auto& [start, range] : ranges) bytes += counts(range) ? range.bytes : 0;
  return bytes;
}

int exchange_capture_mode(int mode) noexcept {
  if (driver.exchange_capture_mode == nullptr) return kGlobal;
  driver.exchange_capture_mode(&mode);
  return mode;
}

void note_mapping(std::byte* data, std::size_t bytes, std::uint64_t owner) noexcept {
  try {
    const Locked lock = lock_mappings();
    ranges.insert_or_assign(reinterpret_cast<std::uintptr_t>(data), Range{bytes, owner});
  } catch (...) {  // without a note it is never locked, and works all the same
  }
}

void forget_mapping(std::byte* data) noexcept {
  const Locked lock = lock_mappings();
  const auto noted = ranges.find(reinterpret_cast<std::uintptr_t>(data));
  if (noted == ranges.end()) return;
  if (counts(noted->second)) unlock(noted->first, noted->second);
  ranges.erase(noted);
}

}  // namespace fastload
