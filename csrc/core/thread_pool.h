// A pool of threads for one process: made on first use, remade after a fork, never joined at exit.
#pragma once

#include <cstddef>
#include <functional>

namespace fastload {

// Most threads that one parallel_for may use, the caller included. Starts as the number of usable
// processors, at most 8; worker processes set it to 1.
int num_threads() noexcept;
void set_num_threads(int threads) noexcept;

// Runs body(0) ... body(tasks - 1), each once, in any order, on at most num_threads() threads of which the
// caller is one, and returns when all are done. body must not throw, must not need the GIL, and must not
// call parallel_for. Safe to call from several threads at once.
void parallel_for(std::size_t tasks, const std::function<void(std::size_t)>& body);

}  // namespace fastload
