// Kernels. There is nothing that could run them: `operators.cpp` does their work, and one that is launched all the same
// ends the process, but for that of torch.cuda._sleep, which takes time and nothing else.
#include <cxxabi.h>

#include <cstdlib>
#include <map>
#include <string>

#include "call.h"
#include "memory.h"

namespace emulated {
namespace {

constexpr double kCyclesPerSecond = 2e9;

auto& names = *new std::map<const void*, std::string>;

std::string readable(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  const std::string shown = status == 0 ? text : name;
  std::free(text);
  return shown;
}

cudaError_t launch(const void* function, void** arguments, cudaStream_t stream) {
  return called_on_device([&] {
    const std::string name = names.contains(function) ? names[function] : "?";
    if (name.find("spin_kernel") == std::string::npos) fault("a kernel was launched, " + readable(name));
    const auto cycles = *static_cast<const std::int64_t*>(arguments[0]);
    add(queue_of(stream), {.seconds = static_cast<double>(cycles) / kCyclesPerSecond});
    return cudaSuccess;
  });
}

struct Configuration {
  dim3 grid, block;
  std::size_t shared = 0;
  cudaStream_t stream = nullptr;
};

thread_local Configuration configuration;

}  // namespace
}  // namespace emulated

using namespace emulated;

extern "C" {

void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}

void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 1; }

void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*, int*) {
  names[host] = name;
}

void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream) {
  configuration = {grid, block, shared, stream};
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
  *grid = configuration.grid;
  *block = configuration.block;
  *shared = configuration.shared;
  *static_cast<cudaStream_t*>(stream) = configuration.stream;
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host));
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3, dim3, void** arguments, std::size_t, cudaStream_t stream) {
  return launch(kernel, arguments, stream);
}

cudaError_t cudaLaunchKernel(const void* function, dim3, dim3, void** arguments, std::size_t, cudaStream_t stream) {
  return launch(function, arguments, stream);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  return launch(function, arguments, config->stream);
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return called_on_device([&] {
    add(queue_of(stream), {.work = [=] { function(data); }});
    return cudaSuccess;
  });
}

// For `operators.cpp`.
void emulated_launch(cudaStream_t stream, void (*work)(void*), void (*destroy)(void*), void* data) {
  called_on_device([&] {
    const std::shared_ptr<void> kept(data, destroy);
    add(queue_of(stream), {.work = [=] { work(kept.get()); }, .seconds = 1e-5});
    return cudaSuccess;
  });
}


void* emulated_as_tasks_see(const void* address) { return as_tasks_see(address); }
void emulated_fault(const char* text) { fault(text); }

}  // extern "C"
