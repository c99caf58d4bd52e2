// torch's operators for CUDA tensors, done by its own for the CPU when the stream has come to them.
//
// What an operator returns is found out with tensors without data, and allocated by torch's allocator at once, as
// kernels do; the work itself is queued. Where the result's size or value has to be known, the device is waited for.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/copy_native.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <set>

extern "C" {
void emulated_launch(cudaStream_t stream, void (*work)(void*), void (*destroy)(void*), void* data);
void* emulated_as_tasks_see(const void* address);
[[noreturn]] void emulated_fault(const char* text);
}

namespace {

using c10::IValue;
using torch::jit::Stack;
using OnTensor = std::function<at::Tensor(const at::Tensor&)>;

// These are no kernels: they manage memory, or make other views of it.
const std::set<std::string> kAsTheyAre = {
    "aten::empty",  "aten::empty_strided", "aten::set_",          "aten::resize_",
    "aten::copy_",  "aten::record_stream", "aten::is_set_to",     "aten::_efficientzerotensor",
    "aten::_reshape_alias",
};

// Not of CUDA alone, but made of kernels that the CPU does not have.
const char* const kWhole[] = {"convolution", "convolution_backward"};

at::Tensor mapped(const at::Tensor& tensor, const OnTensor& on_tensor) {
  return tensor.defined() ? on_tensor(tensor) : tensor;
}

IValue mapped(const IValue& value, const OnTensor& on_tensor) {
  if (value.isTensor()) return mapped(value.toTensor(), on_tensor);
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(mapped(tensor, on_tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& one : value.toOptionalTensorVector()) {
      list.push_back(one ? std::optional(mapped(*one, on_tensor)) : std::nullopt);
    }
    return list;
  }
  return value;
}

void for_each_tensor(const IValue& value, const std::function<void(const at::Tensor&)>& function) {
  mapped(value, [&](const at::Tensor& tensor) {
    function(tensor);
    return tensor;
  });
}

// A plain number in Python's code has no say in the type of what is made of it.
at::Tensor numbered_like(at::Tensor made, const at::Tensor& tensor) {
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) made.unsafeGetTensorImpl()->set_wrapped_number(true);
  return made;
}

// Single numbers of the host stay there: operators take them beside tensors of any device.
at::Tensor without_data(const at::Tensor& tensor) {
  if (tensor.device().is_meta() || (tensor.device().is_cpu() && tensor.dim() == 0)) return tensor;
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kMeta));
}

// The tensor as the queue's work finds it. Of a device's memory it holds nothing, as kernels hold nothing.
at::Tensor for_tasks(const at::Tensor& tensor) {
  if (!tensor.is_cuda()) {
    return tensor.dim() == 0 ? numbered_like(tensor.detach().clone(), tensor) : tensor;
  }
  void* data = tensor.numel() == 0 ? nullptr : emulated_as_tasks_see(tensor.const_data_ptr());
  return at::from_blob(data, tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU));
}

IValue elsewhere(const IValue& value, at::Device device, const OnTensor& on_tensor) {
  if (value.isDevice()) return device;
  if (value.isGenerator()) return IValue();
  return mapped(value, on_tensor);
}

// Below autograd, autocast and modes of Python, whatever the thread has that happens to do this.
struct PlainDispatch {
  at::AutoDispatchBelowADInplaceOrView below;
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
  c10::impl::ExcludeDispatchKeyGuard no_python{
      c10::DispatchKeySet({c10::DispatchKey::Python, c10::DispatchKey::PythonTLSSnapshot})};
};

void launch(at::Device device, std::function<void()> work) {
  const auto run = [](void* data) {
    const PlainDispatch plain;
    try {
      (*static_cast<std::function<void()>*>(data))();
    } catch (const std::exception& error) {
      emulated_fault(error.what());
    }
  };
  const auto destroy = [](void* data) { delete static_cast<std::function<void()>*>(data); };
  const auto stream = c10::cuda::getCurrentCUDAStream(device.index());
  emulated_launch(stream.stream(), run, destroy, new std::function<void()>(std::move(work)));
}

class Call {
 public:
  Call(const c10::OperatorHandle& op, Stack& stack)
      : op_(op), arguments_(stack.end() - static_cast<std::ptrdiff_t>(op.schema().arguments().size()), stack.end()) {
    for (const IValue& value : arguments_) {
      if (value.isDevice()) device_ = value.toDevice();
      for_each_tensor(value, [&](const at::Tensor& tensor) {
        if (tensor.is_cuda()) device_ = tensor.device();
      });
    }
    if (!device_.has_index()) device_.set_index(c10::cuda::current_device());
    stack.erase(stack.end() - static_cast<std::ptrdiff_t>(arguments_.size()), stack.end());
  }

  Stack results() {
    const c10::DeviceGuard guard(device_);
    std::optional<Stack> shapes = shapes_of_results();
    if (!shapes) c10::cuda::device_synchronize();
    Stack results = shapes ? allocated(*shapes) : allocated(done());
    if (!shapes) return results;
    Stack targets;
    for (const IValue& result : results) targets.push_back(mapped(result, for_tasks));
    launch(device_, [op = op_, arguments = arguments_for_tasks(), targets] {
      Stack made = arguments;
      op.callBoxed(&made);
      for (std::size_t place = 0; place < made.size(); ++place) copy_into(targets[place], made[place]);
    });
    return results;
  }

 private:
  // None where only the values tell.
  std::optional<Stack> shapes_of_results() {
    for (const auto& result : op_.schema().returns()) {
      const auto kind = result.type()->kind();
      if (kind != c10::TypeKind::TensorType && kind != c10::TypeKind::ListType) return std::nullopt;
    }
    Stack shapes;
    for (const IValue& value : arguments_) shapes.push_back(elsewhere(value, at::kMeta, without_data));
    const Stack before = shapes;
    try {
      const PlainDispatch plain;
      op_.callBoxed(&shapes);
    } catch (const std::exception&) {
      return std::nullopt;
    }
    resize_outputs(before);
    return shapes;
  }

  // Results that the caller brings may get their size only now.
  void resize_outputs(const Stack& shapes) {
    for (std::size_t place = 0; place < arguments_.size(); ++place) {
      if (!is_written(op_.schema().arguments()[place].alias_info()) || !arguments_[place].isTensor()) continue;
      const at::Tensor& given = arguments_[place].toTensor();
      if (given.defined() && given.sizes() != shapes[place].toTensor().sizes()) {
        given.resize_(shapes[place].toTensor().sizes());
      }
    }
  }

  Stack arguments_for_tasks() const {
    Stack made;
    for (const IValue& value : arguments_) made.push_back(elsewhere(value, at::kCPU, for_tasks));
    return made;
  }

  Stack done() const {
    const PlainDispatch plain;
    Stack made = arguments_for_tasks();
    op_.callBoxed(&made);
    return made;
  }

  // Those that were brought, and new ones like these.
  Stack allocated(const Stack& like) const {
    Stack made;
    auto written = arguments_.begin();
    for (std::size_t place = 0; place < like.size(); ++place) {
      if (is_written(op_.schema().returns()[place].alias_info())) {
        while (!is_written(op_.schema().arguments()[static_cast<std::size_t>(written - arguments_.begin())].alias_info()))
          ++written;
        made.push_back(*written++);
        continue;
      }
      made.push_back(mapped(like[place], [&](const at::Tensor& tensor) {
        const at::Tensor result =
            at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(device_));
        if (!tensor.device().is_meta()) result.copy_(tensor);
        return result;
      }));
    }
    return made;
  }

  static bool is_written(const c10::AliasInfo* alias) { return alias != nullptr && alias->isWrite(); }

  static void copy_into(const IValue& target, const IValue& made) {
    std::vector<at::Tensor> targets, sources;
    for_each_tensor(target, [&](const at::Tensor& tensor) { targets.push_back(tensor); });
    for_each_tensor(made, [&](const at::Tensor& tensor) { sources.push_back(tensor); });
    for (std::size_t place = 0; place < targets.size(); ++place) {
      if (targets[place].numel() > 0 && targets[place].data_ptr() != sources[place].data_ptr()) {
        targets[place].copy_(sources[place]);
      }
    }
  }

  c10::OperatorHandle op_;
  Stack arguments_;
  at::Device device_{at::kCUDA};
};

void emulate(const c10::OperatorHandle& op, c10::DispatchKeySet, Stack* stack) {
  for (IValue& result : Call(op, *stack).results()) stack->push_back(std::move(result));
}

// Copies without a kernel are left to torch.
at::Tensor& copy(at::Tensor& self, const at::Tensor& source, bool non_blocking) {
  const bool has_kernel = self.device() == source.device() &&
                          !(self.dtype() == source.dtype() && self.sizes() == source.sizes() &&
                            self.strides() == source.strides() && self.is_non_overlapping_and_dense());
  if (!has_kernel) return at::native::copy_(self, source, non_blocking);
  const c10::DeviceGuard guard(self.device());
  launch(self.device(), [to = for_tasks(self), from = for_tasks(source)] { to.copy_(from); });
  return self;
}

bool is_kernel(const c10::OperatorHandle& op) {
  if (!op.schema().name().starts_with("aten::") || kAsTheyAre.contains(op.schema().name())) return false;
  for (const auto& result : op.schema().returns()) {
    if (result.alias_info() != nullptr && !result.alias_info()->isWrite()) return false;  // a view
  }
  return true;
}

torch::Library& replaced() {
  static torch::Library library(torch::Library::IMPL, "aten", c10::DispatchKey::CUDA, __FILE__, __LINE__);
  return library;
}

[[maybe_unused]] const bool is_replaced = [] {
  auto& dispatcher = c10::Dispatcher::singleton();
  const auto function = [] { return torch::CppFunction::makeFromBoxedFunction<&emulate>(); };
  for (const auto& name : dispatcher.getRegistrationsForDispatchKey(c10::DispatchKey::CUDA)) {
    const auto op = dispatcher.findSchema(name);
    if (op && is_kernel(*op)) replaced().impl(c10::toString(name).c_str(), function());
  }
  for (const char* name : kWhole) replaced().impl(name, function());
  replaced().impl("copy_", TORCH_FN(copy));
  return true;
}();

}  // namespace
