#include "memory/fork_lock.h"

#include <pthread.h>

#include <atomic>

namespace fastload {
namespace {

// Never destroyed: leases die as late as the interpreter's exit.
std::mutex& tables_mutex = *new std::mutex;
std::mutex& mappings_mutex = *new std::mutex;

std::atomic<std::uint64_t> generation{0};

void before_fork() {
  tables_mutex.lock();
  mappings_mutex.lock();
}

void after_fork_in_parent() {
  mappings_mutex.unlock();
  tables_mutex.unlock();
}

void after_fork_in_child() {
  generation.fetch_add(1, std::memory_order_relaxed);
  after_fork_in_parent();
}

[[maybe_unused]] const int registered = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);

}  // namespace

Locked lock_tables() { return Locked(tables_mutex); }

Locked lock_mappings() { return Locked(mappings_mutex); }

std::uint64_t fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

}  // namespace fastload
