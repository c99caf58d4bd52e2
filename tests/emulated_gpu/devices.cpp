// Devices, their contexts, and what threads know of them.
#include <pthread.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

#include "call.h"
#include "memory.h"

namespace emulated {
namespace {

thread_local int device_of_thread = 0;
thread_local bool has_current_context = false;  // a new thread has none, whatever others have
thread_local cudaError_t error_of_thread = cudaSuccess;
auto& contexts = *new std::set<int>;
bool was_forked = false;

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { was_forked = !contexts.empty(); });

}  // namespace

int device_count() {
  static const int count = [] {
    const char* text = std::getenv("EMULATED_GPU_COUNT");
    return text == nullptr ? 2 : std::atoi(text);
  }();
  return count;
}

int current_device() { return device_of_thread; }
void set_current_device(int device) { device_of_thread = device; }

cudaError_t last_error(bool forget) {
  const cudaError_t error = error_of_thread;
  if (forget) error_of_thread = cudaSuccess;
  return error;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) error_of_thread = error;
  return error;
}

void note_context(int device) {
  contexts.insert(device);
  has_current_context = true;
}

bool thread_has_context() { return has_current_context; }
bool has_context(int device) { return contexts.contains(device); }
bool is_cut_off() { return was_forked; }

namespace {

bool is_there(int device) { return device >= 0 && device < device_count(); }

int attribute(cudaDeviceAttr name) {
  switch (name) {
    case cudaDevAttrComputeCapabilityMajor: return 9;
    case cudaDevAttrComputeCapabilityMinor: return 0;
    case cudaDevAttrMultiProcessorCount: return 132;
    case cudaDevAttrWarpSize: return 32;
    case cudaDevAttrMaxThreadsPerBlock: return 1024;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return 2048;
    default: return 0;
  }
}

}  // namespace
}  // namespace emulated

using namespace emulated;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  return called([&] {
    *count = device_count();
    return *count == 0 ? cudaErrorNoDevice : cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return called([&] {
    *device = current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return called([&] {
    if (!is_there(device)) return cudaErrorInvalidDevice;
    set_current_device(device);
    note_context(device);
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return called([&] {
    if (!is_there(device)) return cudaErrorInvalidDevice;
    *properties = cudaDeviceProp{};
    std::strcpy(properties->name, "pretended GPU");
    properties->totalGlobalMem = bytes_of_device();
    properties->major = 9;
    properties->minor = 0;
    properties->multiProcessorCount = 132;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->sharedMemPerBlock = 48 << 10;
    properties->regsPerMultiprocessor = 1 << 16;
    properties->unifiedAddressing = 1;
    properties->pciBusID = device + 1;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr name, int device) {
  return called([&] {
    if (!is_there(device)) return cudaErrorInvalidDevice;
    *value = attribute(name);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  return called([&] {
    snprintf(text, static_cast<std::size_t>(length), "0000:%02x:00.0", device + 1);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) {
  return called([&] {
    *can = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return called([&] {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return called_if_none_captures([] {
    wait_for_all(current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

// torch asks here for what it can do without.
cudaError_t cudaGetDriverEntryPointByVersion(const char*, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  *function = nullptr;
  if (result != nullptr) *result = cudaDriverEntryPointSymbolNotFound;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return last_error(true); }
cudaError_t cudaPeekAtLastError() { return last_error(false); }

const char* cudaGetErrorName(cudaError_t error) {
  static thread_local char text[40];
  snprintf(text, sizeof text, "error %d of the pretended GPU", static_cast<int>(error));
  return text;
}

const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }

}  // extern "C"
