// The work of pretended devices: queues of tasks that are done late, in odd orders, when somebody waits or asks.
//
// There is no thread: tasks run inside of the host's own calls, chosen by a random generator with a seed, so an order
// that shows a fault is had again. EMULATED_GPU_ORDER is one of
//   random  each queue is fast for a while and almost still for another (the default)
//   late    nothing is done before somebody waits for it; who only asks is told "not yet" for a while
//   early   everything is done as soon as it is queued
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace emulated {

// A place in a queue's work. seconds: on the queue's own clock, which knows what tasks would take on a device.
struct Point {
  bool done = false;
  double seconds = 0;
  std::size_t capture = 0;  // in which it was recorded; 0: none
};
using PointPtr = std::shared_ptr<Point>;

struct Bytes {
  const char* start = nullptr;
  std::size_t size = 0;
};

struct Task {
  std::function<void()> work;
  double seconds = 0;
  PointPtr needs = nullptr;
  PointPtr makes = nullptr;
  Bytes host = {};  // the host's memory that it reads or writes
};

// Work that was written down, to be queued as often as one likes.
struct Capture {
  std::size_t number = 0;
  bool is_for_all_threads = false;
  bool is_broken = false;
  std::vector<Task> tasks;
};

struct Queue {
  int device = 0;
  std::deque<Task> tasks;
  double clock = 0;
  double pace = 1;
  std::shared_ptr<Capture> capture;
};

// Held in every call. A task may call what takes it again.
std::unique_lock<std::recursive_mutex> lock_all();

Queue& default_queue(int device);
Queue* make_queue(int device);
void remove_queue(Queue* queue);  // its work is done all the same
std::vector<Queue*> all_queues();

void add(Queue& queue, Task task);
PointPtr record(Queue& queue);
void wait_for(const PointPtr& point);
void wait_for_all(int device = -1);  // -1: of every device
bool is_done(const PointPtr& point);

// Whether a task that is still queued reads or writes there.
bool is_in_use(Bytes host);

// Ends the process: what the program did would be a fault on any device.
[[noreturn]] void fault(const std::string& text);

}  // namespace emulated
