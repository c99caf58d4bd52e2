// What all functions of the runtime have in common.
#pragma once

#include <cuda_runtime_api.h>

#include "work.h"

namespace emulated {

int device_count();

// The calling thread's.
int current_device();
void set_current_device(int device);
cudaError_t last_error(bool forget);
cudaError_t remember(cudaError_t error);

// Devices on which something was done that makes a context.
void note_context(int device);
bool has_context(int device);
bool thread_has_context();

// Whether this process was forked off one that had contexts: there CUDA does nothing any more.
bool is_cut_off();

// Whether some stream writes its work down in a mode in which the calling thread must not do what may wait. Spoils it.
bool spoils_capture();

Queue& queue_of(cudaStream_t stream);

template <typename Function>
cudaError_t called(const Function& function) {
  const auto lock = lock_all();
  if (is_cut_off()) return remember(cudaErrorInitializationError);
  return remember(function());
}

// The same for what works on the current device, and makes its context if need be.
template <typename Function>
cudaError_t called_on_device(const Function& function) {
  return called([&] {
    note_context(current_device());
    return function();
  });
}

// The same for what may wait for a device, which nobody may do while a stream is captured.
template <typename Function>
cudaError_t called_if_none_captures(const Function& function) {
  return called_on_device([&] { return spoils_capture() ? cudaErrorStreamCaptureUnsupported : function(); });
}

}  // namespace emulated
