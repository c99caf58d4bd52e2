// Work that another thread has begun, or done, by the time its result is wanted.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace fastload {

// A number of steps, each done once, by this process's background thread or by whoever helps it. The thread is started
// with the first work, sleeps when there is none, and is never joined; a forked child starts one of its own. Each
// Background belongs to one caller; any number of them may be there.
class Background {
 public:
  // Queues body(0) ... body(steps - 1). body must not throw nor need the GIL, and runs on several threads at once.
  Background(std::size_t steps, std::function<void(std::size_t)> body);
  ~Background();  // cancels, and waits until no thread is in body
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Begins steps, in the calling thread, until none is left to begin.
  void help() noexcept;

  // Whether all steps are done; what they wrote is then visible to the caller.
  [[nodiscard]] bool done() const noexcept;

  // Whether all steps are done before `patience` is over. The caller has helped, so others are in those that are left.
  [[nodiscard]] bool done_within(std::chrono::nanoseconds patience) const noexcept;

  // Lets no more steps begin. True if no thread is in body, so that what it uses may go.
  bool cancel() noexcept;

  struct Work;

 private:
  std::shared_ptr<Work> work_;
};

}  // namespace fastload
