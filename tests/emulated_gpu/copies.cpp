// Memory, and copies of it.
#include <algorithm>
#include <cstring>
#include <memory>
#include <random>

#include "call.h"
#include "memory.h"

namespace emulated {
namespace {

constexpr double kCopySeconds = 5e-6, kBytesPerSecond = 50e9;

bool is_on_host(const void* address) { return place_of(address).kind != Kind::kDevice; }

// The host's memory as a queue's work finds it: that which devices read by themselves as it is then, other as it is now.
std::shared_ptr<const char> readable(const void* from, std::size_t bytes) {
  const auto* start = static_cast<const char*>(from);
  if (!is_on_host(from) || is_read_by_devices({start, bytes})) return {std::shared_ptr<void>(), as_tasks_see(from)};
  const std::shared_ptr<char> kept(new char[bytes], std::default_delete<char[]>());
  std::memcpy(kept.get(), from, bytes);
  return kept;
}

// In pieces, so that something else may come between.
void copy(Queue& queue, void* to, const void* from, std::size_t bytes) {
  static std::mt19937 generator(1);
  if (bytes == 0) return;
  const auto source = readable(from, bytes);
  char* const target = as_tasks_see(to);
  const void* host = is_on_host(to) ? to : from;
  const bool is_late = is_on_host(host) && is_read_by_devices({static_cast<const char*>(host), bytes});
  const std::size_t pieces = 1 + generator() % 3;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const std::size_t start = bytes * piece / pieces, size = bytes * (piece + 1) / pieces - start;
    Task task{.work = [=] { std::memcpy(target + start, source.get() + start, size); },
              .seconds = kCopySeconds + static_cast<double>(size) / kBytesPerSecond};
    if (is_late) task.host = {static_cast<const char*>(host) + start, size};
    add(queue, std::move(task));
  }
  if (is_on_host(to) && !is_late && !queue.capture) wait_for(record(queue));  // as CUDA does for pageable memory
}

void fill(Queue& queue, void* to, int value, std::size_t bytes) {
  add(queue, {.work = [=, target = as_tasks_see(to)] { std::memset(target, value, bytes); }, .seconds = kCopySeconds});
}

}  // namespace
}  // namespace emulated

using namespace emulated;

extern "C" {

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  return called_if_none_captures([&] {
    *address = bytes == 0 ? nullptr : allocate_on_device(current_device(), bytes);
    return *address == nullptr && bytes != 0 ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}

cudaError_t cudaFree(void* address) {
  return called_if_none_captures([&] {
    wait_for_all();
    return address == nullptr || free_on_device(address) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaHostAlloc(void** address, std::size_t bytes, unsigned) {
  return called_if_none_captures([&] {
    *address = allocate_pinned(bytes);
    return *address == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* address) {
  return called_if_none_captures([&] {
    wait_for_all();
    return free_pinned(address) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaHostRegister(void* address, std::size_t bytes, unsigned) {
  return called_if_none_captures([&] {
    switch (register_host(address, bytes)) {
      case Registered::kYes: return cudaSuccess;
      case Registered::kAlready: return cudaErrorHostMemoryAlreadyRegistered;
      default: return cudaErrorMemoryAllocation;
    }
  });
}

cudaError_t cudaHostUnregister(void* address) {
  return called_if_none_captures(
      [&] { return unregister_host(address) ? cudaSuccess : cudaErrorHostMemoryNotRegistered; });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return called_on_device([&] {
    *free = free_bytes(current_device());
    *total = bytes_of_device();
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  return called([&] {
    const Place place = place_of(address);
    *attributes = cudaPointerAttributes{};
    attributes->device = place.device;
    attributes->devicePointer = place.kind == Kind::kUnknown ? nullptr : const_cast<void*>(address);
    attributes->hostPointer = place.kind == Kind::kDevice ? nullptr : const_cast<void*>(address);
    attributes->type = place.kind == Kind::kUnknown  ? cudaMemoryTypeUnregistered
                       : place.kind == Kind::kDevice ? cudaMemoryTypeDevice
                                                     : cudaMemoryTypeHost;
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return called_on_device([&] {
    copy(queue_of(stream), to, from, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
  return called_if_none_captures([&] {
    Queue& queue = default_queue(current_device());
    copy(queue, to, from, bytes);
    wait_for(record(queue));
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, std::size_t bytes, cudaStream_t stream) {
  return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream);
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return called_on_device([&] {
    fill(queue_of(stream), to, value, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) { return cudaMemsetAsync(to, value, bytes, nullptr); }

}  // extern "C"
