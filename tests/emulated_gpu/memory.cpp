#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>

namespace emulated {
namespace {

constexpr int kMostDevices = 8;
constexpr std::size_t kGranule = 2 << 20;
constexpr int kOddByte = 0xA5;  // as float32 -2.9e-16, as an index far outside of anything

struct HostRange {
  std::size_t bytes;
  bool is_registered;
};

auto& on_device = *new std::map<char*, std::size_t>;
auto& on_host = *new std::map<char*, HostRange>;
std::size_t registered = 0;

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Area {
  char* programs;
  char* tasks;
  std::size_t bytes;
};

const Area& area() {
  static const Area made = [] {
    const std::size_t bytes = bytes_of_device() * kMostDevices;
    const int file = memfd_create("pretended device", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) fault("there is no memory for devices");
    void* programs = mmap(nullptr, bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0);
    void* tasks = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    close(file);
    if (programs == MAP_FAILED || tasks == MAP_FAILED) fault("there is no room for the memory of devices");
    return Area{static_cast<char*>(programs), static_cast<char*>(tasks), bytes};
  }();
  return made;
}

bool is_on_device(const void* address) {
  const auto* byte = static_cast<const char*>(address);
  return byte >= area().programs && byte < area().programs + area().bytes;
}

const std::pair<char* const, HostRange>* host_range(const void* address) {
  auto* byte = static_cast<char*>(const_cast<void*>(address));
  const auto after = on_host.upper_bound(byte);
  if (after == on_host.begin()) return nullptr;
  const auto& found = *std::prev(after);
  return byte < found.first + found.second.bytes ? &found : nullptr;
}

std::size_t in_whole(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

std::size_t bytes_of_device() {
  static const std::size_t bytes = in_whole(from_environment("EMULATED_GPU_BYTES", std::size_t{8} << 30), kGranule);
  return bytes;
}

void* allocate_on_device(int device, std::size_t bytes) {
  bytes = in_whole(bytes, kGranule);
  char* start = area().programs + static_cast<std::size_t>(device) * bytes_of_device();
  char* const end = start + bytes_of_device();
  for (auto next = on_device.lower_bound(start); next != on_device.end() && next->first < end; ++next) {
    if (next->first - start >= static_cast<std::ptrdiff_t>(bytes)) break;
    start = next->first + next->second;
  }
  if (end - start < static_cast<std::ptrdiff_t>(bytes)) return nullptr;
  on_device[start] = bytes;
  std::memset(as_tasks_see(start), kOddByte, bytes);
  return start;
}

bool free_on_device(void* address) {
  const auto found = on_device.find(static_cast<char*>(address));
  if (found == on_device.end()) return false;
  madvise(as_tasks_see(address), found->second, MADV_REMOVE);  // gives the pages back
  on_device.erase(found);
  return true;
}

std::size_t free_bytes(int device) {
  std::size_t used = 0;
  for (const auto& [start, bytes] : on_device) used += place_of(start).device == device ? bytes : 0;
  return bytes_of_device() - used;
}

void* allocate_pinned(std::size_t bytes) {
  void* made = mmap(nullptr, in_whole(bytes, 4096), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) return nullptr;
  on_host[static_cast<char*>(made)] = {in_whole(bytes, 4096), false};
  return made;
}

bool free_pinned(void* address) {
  const auto found = on_host.find(static_cast<char*>(address));
  if (found == on_host.end() || found->second.is_registered) return false;
  munmap(found->first, found->second.bytes);
  on_host.erase(found);
  return true;
}

Registered register_host(void* address, std::size_t bytes) {
  static const std::size_t most = from_environment("EMULATED_GPU_LOCKED_BYTES", ~std::size_t{0});
  auto* start = static_cast<char*>(address);
  const auto next = on_host.lower_bound(start);
  if (host_range(start) != nullptr || (next != on_host.end() && next->first < start + bytes)) return Registered::kAlready;
  if (bytes > most - registered) return Registered::kTooMuch;
  registered += bytes;
  on_host[start] = {bytes, true};
  return Registered::kYes;
}

bool unregister_host(void* address) {
  const auto found = on_host.find(static_cast<char*>(address));
  if (found == on_host.end() || !found->second.is_registered) return false;
  if (is_in_use({found->first, found->second.bytes})) fault("memory is unlocked that a queued copy still reads");
  registered -= found->second.bytes;
  on_host.erase(found);
  return true;
}

Place place_of(const void* address) {
  if (is_on_device(address)) {
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - area().programs);
    return {Kind::kDevice, static_cast<int>(offset / bytes_of_device())};
  }
  const auto* range = host_range(address);
  if (range == nullptr) return {};
  return {range->second.is_registered ? Kind::kRegistered : Kind::kPinned, 0};
}

bool is_read_by_devices(Bytes host) {
  const auto* range = host_range(host.start);
  return range != nullptr && host.start + host.size <= range->first + range->second.bytes;
}

char* as_tasks_see(const void* address) {
  auto* byte = static_cast<char*>(const_cast<void*>(address));
  return is_on_device(address) ? area().tasks + (byte - area().programs) : byte;
}

}  // namespace emulated
