// Work without the GIL, in a way that survives the interpreter's exit.
#pragma once

#include <Python.h>
#include <unistd.h>

namespace fastload {

// Before Python 3.14 a daemon thread that asks for the GIL after the interpreter began to finalise is ended by
// pthread_exit, which unwinds its stack as an exception does: through destructors that need the GIL, and into
// std::terminate where one may not throw. Such a thread sleeps here until the process is gone, as 3.14 has it.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  GilReleased(const GilReleased&) = delete;
  ~GilReleased() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }

 private:
  PyThreadState* state_;
};

template <class Call>
auto without_gil(Call call) {
  const GilReleased released;
  return call();
}

}  // namespace fastload
