// libcuda.so.1: the driver's functions that fastload and torch look for, by those of the runtime.
#include <cuda.h>
#include <cuda_runtime_api.h>

#include "call.h"

using namespace emulated;

namespace {

thread_local std::vector<int> pushed;  // devices that were current before

CUcontext context_of(int device) { return reinterpret_cast<CUcontext>(static_cast<std::uintptr_t>(device + 1)); }
int device_of(CUcontext context) { return static_cast<int>(reinterpret_cast<std::uintptr_t>(context)) - 1; }

CUcontext current_context() {
  const bool has_one = !pushed.empty() || (thread_has_context() && has_context(current_device()));
  return has_one ? context_of(current_device()) : nullptr;
}

CUresult as_result(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return CUDA_SUCCESS;
    case cudaErrorMemoryAllocation: return CUDA_ERROR_OUT_OF_MEMORY;
    case cudaErrorInitializationError: return CUDA_ERROR_NOT_INITIALIZED;
    default: return static_cast<CUresult>(error);  // those of memory have the same numbers
  }
}

}  // namespace

extern "C" {

CUresult cuCtxGetCurrent(CUcontext* context) {
  *context = current_context();
  return is_cut_off() ? CUDA_ERROR_NOT_INITIALIZED : CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  pushed.push_back(current_device());
  set_current_device(device_of(context));
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  if (pushed.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  *context = context_of(current_device());
  set_current_device(pushed.back());
  pushed.pop_back();
  return CUDA_SUCCESS;
}

CUresult cuMemHostRegister_v2(void* address, std::size_t bytes, unsigned flags) {
  if (current_context() == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  return as_result(cudaHostRegister(address, bytes, flags));
}

CUresult cuMemHostUnregister(void* address) {
  if (current_context() == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  return as_result(cudaHostUnregister(address));
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode) {
  return as_result(cudaThreadExchangeStreamCaptureMode(reinterpret_cast<cudaStreamCaptureMode*>(mode)));
}

CUresult cuDeviceGet(CUdevice* device, int number) {
  *device = number;
  return number < device_count() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  note_context(device);
  *context = context_of(device);
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* is_active) {
  *flags = 0;
  *is_active = has_context(device);
  return CUDA_SUCCESS;
}

}  // extern "C"
