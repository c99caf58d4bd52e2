// Protocol: a caller puts its job, which lives on its stack, on the list of open jobs; threads join it and take
// task numbers until none is left; the caller takes part, closes the job to newcomers and waits for those inside.
#include "core/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "core/detached_thread.h"

#ifdef __linux__
#include <sched.h>
#endif

namespace fastload {
namespace {

constexpr int kMostDefaultThreads = 8;
constexpr std::size_t kStackBytes = std::size_t{1} << 20;

int usable_processors() noexcept {
#ifdef __linux__
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof(usable), &usable) == 0) return std::max(1, CPU_COUNT(&usable));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::atomic<int> thread_limit{std::min(usable_processors(), kMostDefaultThreads)};

struct Job {
  const std::function<void(std::size_t)>& body;
  const std::size_t tasks;
  std::size_t places;         // how many threads may still join; guarded by the pool
  std::size_t inside = 0;     // how many did and have not left; guarded by the pool
  std::atomic<std::size_t> next{0};
  std::condition_variable left{};

  void work() {
    for (std::size_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) body(task);
  }
};

class Pool {
 public:
  void run(Job& job) {
    std::unique_lock lock(mutex_);
    open_.push_back(&job);
    add_threads(job.places);
    const std::size_t wanted = std::min(job.places, idle_);
    lock.unlock();
    for (std::size_t i = 0; i < wanted; ++i) opened_.notify_one();
    job.work();
    lock.lock();
    open_.remove(&job);
    job.left.wait(lock, [&] { return job.inside == 0; });
  }

 private:
  // Threads that are there serve every caller, so the largest single wish is enough. A system that refuses a
  // thread only makes the work slower.
  void add_threads(std::size_t wanted) {
    while (threads_ < wanted && start_thread()) {
      ++threads_;
      ++idle_;
    }
  }

  bool start_thread() { return start_detached_thread(kStackBytes, enter, this); }

  static void* enter(void* pool) {
    static_cast<Pool*>(pool)->serve();
    return nullptr;
  }

  [[noreturn]] void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      opened_.wait(lock, [&] { return (job = joinable()) != nullptr; });
      --job->places;
      ++job->inside;
      --idle_;
      lock.unlock();
      job->work();
      lock.lock();
      ++idle_;
      if (--job->inside == 0) job->left.notify_one();  // under the lock: the job dies once its caller has it
    }
  }

  Job* joinable() {
    for (Job* job : open_) {
      if (job->places != 0 && job->next.load(std::memory_order_relaxed) < job->tasks) return job;
    }
    return nullptr;
  }

  std::mutex mutex_;
  std::condition_variable opened_;
  std::list<Job*> open_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

// Never destroyed: its threads wait in it until the process is gone. A forked child has the memory of its
// parent's pool but none of the threads, so it forgets the pool.
std::atomic<Pool*> current{nullptr};

void forget_pool() { current.store(nullptr, std::memory_order_relaxed); }

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, forget_pool);

Pool& pool() {
  Pool* found = current.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  Pool* made = new Pool;
  if (current.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *found;
}

}  // namespace

int num_threads() noexcept { return thread_limit.load(std::memory_order_relaxed); }

void set_num_threads(int threads) noexcept { thread_limit.store(std::max(1, threads), std::memory_order_relaxed); }

void parallel_for(std::size_t tasks, const std::function<void(std::size_t)>& body) {
  const std::size_t threads = std::min(tasks, static_cast<std::size_t>(num_threads()));
  Job job{.body = body, .tasks = tasks, .places = threads == 0 ? 0 : threads - 1};
  if (job.places == 0) return job.work();
  pool().run(job);
}

}  // namespace fastload
