// Streams, events, and streams whose work is captured as a graph.
#include <algorithm>
#include <memory>
#include <vector>

#include "call.h"

struct CUevent_st {
  int device = 0;
  bool has_time = true;
  emulated::PointPtr last = nullptr;
};

namespace emulated {
namespace {

thread_local cudaStreamCaptureMode mode_of_thread = cudaStreamCaptureModeGlobal;
std::size_t captures = 0;

cudaStream_t as_stream(Queue* queue) { return reinterpret_cast<cudaStream_t>(queue); }

cudaError_t make_event(cudaEvent_t* event, unsigned flags) {
  return called_on_device([&] {
    *event = new CUevent_st{current_device(), (flags & cudaEventDisableTiming) == 0};
    return cudaSuccess;
  });
}

cudaError_t wait_for_event(Queue& queue, const CUevent_st& event) {
  if (event.last == nullptr) return cudaSuccess;
  if (event.last->capture == 0) {
    if (queue.capture) return cudaErrorStreamCaptureIsolation;
    if (!event.last->done) add(queue, {.needs = event.last});
    return cudaSuccess;
  }
  for (const Queue* other : all_queues()) {  // it joins; the capture's tasks are in the order of the calls
    if (other->capture && other->capture->number == event.last->capture) {
      queue.capture = other->capture;
      return cudaSuccess;
    }
  }
  return cudaErrorStreamCaptureIsolation;
}

struct Graph {
  std::vector<Task> tasks;
};

}  // namespace

Queue& queue_of(cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy) return default_queue(current_device());
  return *reinterpret_cast<Queue*>(stream);
}

bool spoils_capture() {
  if (mode_of_thread == cudaStreamCaptureModeRelaxed) return false;
  for (const Queue* queue : all_queues()) {
    if (!queue->capture || !queue->capture->is_for_all_threads) continue;
    queue->capture->is_broken = true;
    return true;
  }
  return false;
}

}  // namespace emulated

using namespace emulated;

extern "C" {

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  return called_on_device([&] {
    *stream = as_stream(make_queue(current_device()));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithPriority(stream, 0, 0); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return called([&] {
    remove_queue(&queue_of(stream));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t, int* priority) {
  *priority = 0;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return called_if_none_captures([&] {
    wait_for(record(queue_of(stream)));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return called_if_none_captures([&] {
    auto end = std::make_shared<Point>();
    Queue& queue = queue_of(stream);
    if (queue.tasks.empty()) return cudaSuccess;
    queue.tasks.push_back({.makes = end});
    return is_done(end) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return called_on_device([&] { return wait_for_event(queue_of(stream), *event); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) { return make_event(event, flags); }
cudaError_t cudaEventCreate(cudaEvent_t* event) { return make_event(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return called([&] {
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return called_on_device([&] {
    Queue& queue = queue_of(stream);
    if (queue.device != event->device) return cudaErrorInvalidResourceHandle;
    event->last = record(queue);
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  return cudaEventRecord(event, stream);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return called_if_none_captures([&] {
    if (event->last != nullptr && event->last->capture != 0) return cudaErrorCapturedEvent;
    return is_done(event->last) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return called_if_none_captures([&] {
    if (event->last != nullptr && event->last->capture != 0) return cudaErrorCapturedEvent;
    if (event->last != nullptr) wait_for(event->last);
    return cudaSuccess;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t first, cudaEvent_t second) {
  return called([&] {
    for (const auto& event : {first, second}) {
      if (event->last == nullptr || !event->has_time) return cudaErrorInvalidResourceHandle;
      if (!event->last->done) return cudaErrorNotReady;
    }
    *milliseconds = static_cast<float>((second->last->seconds - first->last->seconds) * 1e3);
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, mode_of_thread);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return called_on_device([&] {
    Queue& queue = queue_of(stream);
    if (stream == nullptr || queue.capture) return cudaErrorStreamCaptureUnsupported;
    queue.capture = std::make_shared<Capture>(Capture{++captures, mode == cudaStreamCaptureModeGlobal});
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return called([&] {
    const auto capture = queue_of(stream).capture;
    if (capture == nullptr) return cudaErrorIllegalState;
    for (Queue* queue : all_queues()) {
      if (queue->capture == capture) queue->capture = nullptr;
    }
    *graph = nullptr;
    if (capture->is_broken) return cudaErrorStreamCaptureInvalidated;
    *graph = reinterpret_cast<cudaGraph_t>(new Graph{std::move(capture->tasks)});
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return cudaStreamGetCaptureInfo(stream, status, nullptr, nullptr, nullptr, nullptr, nullptr);
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* number,
                                     cudaGraph_t* graph, const cudaGraphNode_t** nodes, const cudaGraphEdgeData** edges,
                                     std::size_t* count) {
  return called([&] {
    const auto capture = queue_of(stream).capture;
    *status = capture == nullptr   ? cudaStreamCaptureStatusNone
              : capture->is_broken ? cudaStreamCaptureStatusInvalidated
                                   : cudaStreamCaptureStatusActive;
    if (number != nullptr) *number = capture == nullptr ? 0 : capture->number;
    if (graph != nullptr) *graph = nullptr;
    if (nodes != nullptr) *nodes = nullptr;
    if (edges != nullptr) *edges = nullptr;
    if (count != nullptr) *count = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, std::size_t* count) {
  *count = reinterpret_cast<Graph*>(graph)->tasks.size();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* ready, cudaGraph_t graph, unsigned long long) {
  *ready = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream) {
  return called_on_device([&] {
    for (const Task& task : reinterpret_cast<Graph*>(ready)->tasks) add(queue_of(stream), task);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready) {
  delete reinterpret_cast<Graph*>(ready);
  return cudaSuccess;
}

cudaError_t cudaProfilerStart() { return cudaSuccess; }
cudaError_t cudaProfilerStop() { return cudaSuccess; }

}  // extern "C"
