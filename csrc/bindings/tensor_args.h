// Views of torch tensors and NumPy arrays, without linking to either library.
#pragma once

#include <pybind11/pybind11.h>

#include "core/tensor_view.h"

namespace fastload {

// All of these need the GIL. A view is valid while `object` lives and keeps its size; `scratch` must outlive it too.

// True and *view filled if `object` is a plain torch.Tensor (no subclass): on the CPU, strided, of a type in Kind
// with one lane. False otherwise, with no Python error set. Says nothing of requires_grad and of the negative
// and conjugate bits, which the memory does not show: ask requires_grad() and has_lazy_bits().
bool tensor_view(PyObject* object, TensorView* view, ViewScratch* scratch);

// The same for exactly np.ndarray (or np.memmap) of a native-endian number type that torch has.
bool array_view(PyObject* object, TensorView* view, ViewScratch* scratch);

// Whether `object`, an exact torch.Tensor, requires a gradient; 10 ns.
bool requires_grad(PyObject* object);

// Whether `object`, an exact torch.Tensor, is a lazy negation or conjugate: its memory is not its value. 60 ns,
// and lets go of the GIL.
bool has_lazy_bits(PyObject* object);

bool is_exact_tensor(PyObject* object);
bool is_exact_array(PyObject* object);

// The torch.dtype of `dtype`; raises TypeError if torch has none.
pybind11::object torch_dtype(DType dtype);

// For tests: read tensors as on torch before 2.10, which has no C exchange table. Returns whether the table is in use.
bool use_exchange_table(bool wanted);

}  // namespace fastload
