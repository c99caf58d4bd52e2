#include "core/background.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/check.h"

using fastload::Background;
using namespace std::chrono_literals;

namespace {

void until(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::yield();
}

void does_each_step_once() {
  for (const std::size_t steps : {1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> runs(steps);
    Background work(steps, [&](std::size_t step) { ++runs[step]; });
    work.help();
    CHECK(work.done_within(60s));
    CHECK(work.done());
    for (const auto& count : runs) CHECK(count == 1);
  }
}

void is_done_without_help() {
  std::vector<int> written(100);  // plain memory: what the thread wrote is there once it is done
  Background work(100, [&](std::size_t step) { written[step] = 1; });
  CHECK(work.done_within(60s));
  for (const int value : written) CHECK(value == 1);
}

void is_shared_with_who_helps() {
  std::atomic<int> arrived{0};
  Background work(2, [&](std::size_t) {  // ends only if both steps run at once
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  work.help();
  CHECK(work.done_within(60s));
}

void works_in_the_order_of_arrival() {
  std::atomic<bool> go{false};
  std::atomic<int> clock{0};
  int ends[3];
  Background first(1, [&](std::size_t) { until(go), ends[0] = ++clock; });
  Background second(1, [&](std::size_t) { ends[1] = ++clock; });
  Background third(1, [&](std::size_t) { ends[2] = ++clock; });
  go = true;
  CHECK(third.done_within(60s) && second.done() && first.done());
  CHECK(ends[0] == 1 && ends[1] == 2 && ends[2] == 3);
}

// A thread that is held up in a step, as one is that lost its processor.
void is_given_up_while_a_step_runs() {
  std::atomic<bool> inside{false};
  std::atomic<bool> go{false};
  std::atomic<int> runs{0};
  auto work = std::make_unique<Background>(50, [&](std::size_t) {
    ++runs;
    inside = true;
    until(go);
  });
  until(inside);
  CHECK(!work->done_within(1ms));
  CHECK(!work->cancel());
  CHECK(!work->cancel());
  go = true;
  while (!work->cancel()) std::this_thread::yield();
  CHECK(runs == 1);
  CHECK(!work->done());
}

void waits_for_its_steps_before_it_goes() {
  for (int round = 0; round < 200; ++round) {
    auto memory = std::make_unique<std::vector<int>>(1000);
    auto work = std::make_unique<Background>(1000, [&memory = *memory](std::size_t step) { memory[step] = 1; });
    if (round % 2 == 0) std::this_thread::yield();
    work.reset();
    memory.reset();  // the address sanitizer sees a step that comes later
  }
}

void serves_several_callers() {
  std::atomic<std::size_t> total{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        Background work(9, [&](std::size_t step) { total += step; });
        work.help();
        CHECK(work.done_within(60s));
      }
    });
  for (auto& caller : callers) caller.join();
  CHECK(total == 4 * 300 * 36);
}

[[maybe_unused]] int status_of_child(const std::function<void()>& body) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20);
    body();
    std::exit(0);  // with destructors: one that joined the thread would hang here
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

[[maybe_unused]] void forked_child_starts_a_thread_of_its_own() {
  is_done_without_help();
  CHECK(status_of_child([] {
          is_done_without_help();
          CHECK(status_of_child(is_done_without_help) == 0);
        }) == 0);
  is_done_without_help();
}

[[maybe_unused]] void forked_child_does_not_wait_for_its_parents_thread() {
  std::atomic<bool> inside{false};
  std::atomic<bool> go{false};
  auto work = std::make_unique<Background>(3, [&](std::size_t) {
    inside = true;
    until(go);
  });
  until(inside);
  CHECK(status_of_child([&] {
          go = true;
          work->help();
          CHECK(!work->done_within(1ms));  // the step that the parent's thread was in never ends here
          work.reset();
          is_done_without_help();
          std::_Exit(0);  // what the lost thread held is lost, too: a leak, in the eyes of a sanitizer
        }) == 0);
  CHECK(!work->done());
  go = true;
  CHECK(work->done_within(60s));
}

}  // namespace

int main() {
  alarm(120);
  does_each_step_once();
  is_done_without_help();
  is_shared_with_who_helps();
  works_in_the_order_of_arrival();
  is_given_up_while_a_step_runs();
  waits_for_its_steps_before_it_goes();
  serves_several_callers();
#ifndef __SANITIZE_THREAD__  // it allows no threads in a child of a process that has threads
  forked_child_starts_a_thread_of_its_own();
  forked_child_does_not_wait_for_its_parents_thread();
#endif
}
