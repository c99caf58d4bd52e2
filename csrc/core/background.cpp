// Protocol: steps are claimed by counting `next` up, and counted in `ended` when they are done. To cancel is to claim
// all that are left and never do them. Thread and caller share a Work; the memory that its steps use is the caller's,
// who gives it up only when every step that was begun has ended.
#include "core/background.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "core/detached_thread.h"

namespace fastload {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kStackBytes = std::size_t{1} << 18;
// How long the thread looks for more work before it sleeps, and a caller waits before it lets others run. A loop that
// does nothing comes back after 30 us, and a thread that had to be woken for each of its batches was of no use there:
// 72 us a batch, 43 us with 20 us of looking, 40 us with 100 us, 74 us without the thread. Where work comes less often
// the thread does not look: it would only take a processor from others.
constexpr std::chrono::microseconds kSpin{30};

inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `condition` comes true within `patience`.
template <class Condition>
bool spin_until(std::chrono::nanoseconds patience, const Condition& condition) noexcept {
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 32; ++i) {
      if (condition()) return true;
      relax();
    }
    const auto waited = Clock::now() - start;
    if (waited >= patience) return condition();
    if (waited >= kSpin) sched_yield();
  }
}

// How many forks lie between the first process and this one.
std::atomic<unsigned> forks{0};

}  // namespace

struct Background::Work {
  Work(std::size_t count, std::function<void(std::size_t)> step) : steps(count), wanted(count), body(std::move(step)) {}

  const std::size_t steps;
  std::size_t wanted;  // how many will end: fewer than steps once cancelled; the owner's
  const std::function<void(std::size_t)> body;
  const unsigned born = forks.load(std::memory_order_relaxed);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> ended{0};

  void run() noexcept {
    for (std::size_t step; (step = next.fetch_add(1, std::memory_order_relaxed)) < steps;) {
      body(step);
      ended.fetch_add(1, std::memory_order_release);
    }
  }
  bool all_begun() const noexcept { return next.load(std::memory_order_relaxed) >= steps; }
  bool have_ended(std::size_t count) const noexcept { return ended.load(std::memory_order_acquire) >= count; }
};

namespace {

class Thread {
 public:
  using Item = std::shared_ptr<Background::Work>;

  void add(Item work) {
    std::unique_lock lock(mutex_);
    while (!queue_.empty() && queue_.front()->all_begun()) queue_.pop_front();  // it may not run for a long time
    queue_.push_back(std::move(work));
    queued_.store(queue_.size(), std::memory_order_relaxed);
    added_at_ = Clock::now();
    if (!started_) started_ = start();
    const bool wake = asleep_;
    lock.unlock();
    if (wake) added_.notify_one();
  }

 private:
  // A system that refuses the thread leaves the work to the callers.
  bool start() { return start_detached_thread(kStackBytes, enter, this); }

  static void* enter(void* self) {
    static_cast<Thread*>(self)->serve();
    return nullptr;
  }

  [[noreturn]] void serve() {
    for (Clock::duration last_pause{0};;) {
      const auto idle_since = Clock::now();
      if (last_pause < kSpin) (void)spin_until(kSpin, [this] { return queued_.load(std::memory_order_relaxed) != 0; });
      const auto [work, added_at] = take();
      last_pause = added_at - idle_since;
      work->run();
    }
  }

  std::pair<Item, Clock::time_point> take() {
    std::unique_lock lock(mutex_);
    asleep_ = true;
    added_.wait(lock, [this] { return !queue_.empty(); });
    asleep_ = false;
    Item work = std::move(queue_.front());
    queue_.pop_front();
    queued_.store(queue_.size(), std::memory_order_relaxed);
    return {std::move(work), added_at_};
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<Item> queue_;
  std::atomic<std::size_t> queued_{0};  // its length, for looking without the lock
  Clock::time_point added_at_{};        // when the last one came
  bool started_ = false;
  bool asleep_ = false;
};

// Never destroyed: the thread waits in it until the process is gone. A forked child has the memory of its parent's
// but no such thread, so it forgets it.
std::atomic<Thread*> current{nullptr};

void after_fork_in_child() {
  current.store(nullptr, std::memory_order_relaxed);
  forks.fetch_add(1, std::memory_order_relaxed);
}

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, after_fork_in_child);

Thread& thread() {
  Thread* found = current.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  auto* made = new Thread;
  if (current.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *found;
}

}  // namespace

Background::Background(std::size_t steps, std::function<void(std::size_t)> body)
    : work_(std::make_shared<Work>(steps, std::move(body))) {
  thread().add(work_);
}

Background::~Background() {
  while (!cancel()) (void)spin_until(kSpin, [this] { return cancel(); });
}

void Background::help() noexcept { work_->run(); }

bool Background::done() const noexcept { return work_->have_ended(work_->steps); }

bool Background::done_within(std::chrono::nanoseconds patience) const noexcept {
  return spin_until(patience, [this] { return done(); });
}

bool Background::cancel() noexcept {
  const std::size_t begun = work_->next.exchange(work_->steps, std::memory_order_relaxed);
  work_->wanted = std::min(work_->wanted, begun);
  // Threads that were in a step when this process was forked are not in this one.
  return work_->have_ended(work_->wanted) || work_->born != forks.load(std::memory_order_relaxed);
}

}  // namespace fastload
