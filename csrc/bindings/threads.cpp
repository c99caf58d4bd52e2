// num_threads and set_num_threads: how many threads one call may use.
#include <stdexcept>
#include <string>

#include "bindings/bindings.h"
#include "core/thread_pool.h"

namespace py = pybind11;

namespace fastload {

void bind_threads(py::module_& m) {
  m.def("num_threads", &num_threads, "How many threads one call may use, the caller included.");
  m.def(
      "set_num_threads",
      [](int n) {
        if (n < 1) throw std::invalid_argument("n must be >= 1, got " + std::to_string(n));
        set_num_threads(n);
      },
      py::arg("n"), "Let one call use n threads; 1 keeps all work in the calling thread.");
}

}  // namespace fastload
