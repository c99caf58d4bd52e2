#include "core/thread_pool.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "tests/check.h"

using fastload::parallel_for;
using fastload::set_num_threads;

namespace {

void runs_each_task_once() {
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    for (const std::size_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(tasks);
      parallel_for(tasks, [&](std::size_t i) { ++runs[i]; });
      for (const auto& count : runs) CHECK(count == 1);
    }
  }
}

void keeps_to_its_threads() {
  set_num_threads(3);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  parallel_for(300, [&](std::size_t) {
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    usleep(50);
    --inside;
  });
  CHECK(most >= 1 && most <= 3);
}

void uses_another_thread() {
  set_num_threads(2);
  std::atomic<int> arrived{0};
  parallel_for(2, [&](std::size_t) {  // ends only if both tasks run at once
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
}

void serves_several_callers() {
  set_num_threads(4);
  std::atomic<std::size_t> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 6; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) parallel_for(9, [&](std::size_t i) { total += i; });
    });
  for (auto& caller : callers) caller.join();
  CHECK(total == 6 * 300 * 36);
}

void blocks_signals_in_its_threads() {
  set_num_threads(2);
  std::atomic<int> arrived{0};
  std::atomic<int> blocked{0};
  parallel_for(2, [&](std::size_t) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked += sigismember(&mask, SIGINT);
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(blocked == 1);  // in the pool's thread, not in the caller
}

[[maybe_unused]] int status_of_child(void (*body)()) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20);
    body();
    std::exit(0);  // with destructors: a pool that joined its threads would hang here
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

[[maybe_unused]] void forked_child_has_its_own_pool() {
  uses_another_thread();
  CHECK(status_of_child([] {
          uses_another_thread();
          CHECK(status_of_child(uses_another_thread) == 0);
        }) == 0);
  uses_another_thread();
}

[[maybe_unused]] void fork_while_others_work() {
  set_num_threads(4);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) parallel_for(8, [](std::size_t) {});
  });
  for (int i = 0; i < 30; ++i) CHECK(status_of_child(uses_another_thread) == 0);
  stop = true;
  busy.join();
}

}  // namespace

int main() {
  alarm(120);
  runs_each_task_once();
  keeps_to_its_threads();
  uses_another_thread();
  serves_several_callers();
  blocks_signals_in_its_threads();
#ifndef __SANITIZE_THREAD__  // it allows no threads in a child of a process that has threads
  forked_child_has_its_own_pool();
#ifndef __SANITIZE_ADDRESS__  // its allocator's locks may be held by another thread at the fork
  fork_while_others_work();
#endif
#endif
}
