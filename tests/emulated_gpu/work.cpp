#include "work.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string_view>

namespace emulated {
namespace {

enum class Order { kRandom, kLate, kEarly };

Order order_of_environment() {
  const char* text = std::getenv("EMULATED_GPU_ORDER");
  const std::string_view order = text == nullptr ? "random" : text;
  if (order == "late") return Order::kLate;
  if (order == "early") return Order::kEarly;
  if (order != "random") fault("EMULATED_GPU_ORDER is " + std::string(order) + ", and not random, late or early");
  return Order::kRandom;
}

std::mt19937 seeded() {
  const char* text = std::getenv("EMULATED_GPU_SEED");
  return std::mt19937(text == nullptr ? 0U : static_cast<unsigned>(std::atoi(text)));
}

// Never destroyed: memory is given back as late as the process's end.
auto& mutex = *new std::recursive_mutex;
auto& queues = *new std::vector<std::unique_ptr<Queue>>;
auto& removed = *new std::vector<Queue*>;
auto& defaults = *new std::map<int, Queue*>;
std::mt19937 generator = seeded();
const Order order = order_of_environment();
bool is_running = false;

double chance() { return std::uniform_real_distribution<double>(0, 1)(generator); }

void change_paces() {
  constexpr double kPaces[] = {1, 0.1, 0.001};
  for (const auto& queue : queues) queue->pace = kPaces[generator() % 3];
}

bool can_run(const Queue& queue) {
  return !queue.tasks.empty() && (queue.tasks.front().needs == nullptr || queue.tasks.front().needs->done);
}

Queue* chosen() {
  double sum = 0;
  for (const auto& queue : queues) sum += can_run(*queue) ? queue->pace : 0;
  double place = chance() * sum;
  Queue* last = nullptr;
  for (const auto& queue : queues) {
    if (!can_run(*queue)) continue;
    last = queue.get();
    place -= queue->pace;
    if (place < 0) break;
  }
  return last;
}

void drop_removed() {
  for (auto& gone : removed) {
    if (!gone->tasks.empty()) continue;
    std::erase_if(queues, [&](const auto& queue) { return queue.get() == gone; });
    gone = nullptr;
  }
  std::erase(removed, nullptr);
}

// One task of one queue. False where none can run.
bool step() {
  if (is_running) return false;  // the caller is a task
  if (chance() < 0.02) change_paces();
  Queue* queue = chosen();
  if (queue == nullptr) return false;
  const Task task = std::move(queue->tasks.front());
  queue->tasks.pop_front();
  if (task.needs) queue->clock = std::max(queue->clock, task.needs->seconds);
  queue->clock += task.seconds;
  is_running = true;
  if (task.work) task.work();
  is_running = false;
  if (task.makes) *task.makes = Point{true, queue->clock};
  drop_removed();
  return true;
}

void go_on_for_a_while() {
  if (order == Order::kEarly) {
    while (step()) {
    }
  } else if (order == Order::kRandom) {
    while (chance() < 0.5 && step()) {
    }
  }
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock_all() { return std::unique_lock(mutex); }

Queue& default_queue(int device) {
  if (!defaults.contains(device)) defaults[device] = make_queue(device);
  return *defaults[device];
}

Queue* make_queue(int device) {
  queues.push_back(std::make_unique<Queue>());
  queues.back()->device = device;
  return queues.back().get();
}

void remove_queue(Queue* queue) {
  removed.push_back(queue);
  drop_removed();
}

std::vector<Queue*> all_queues() {
  std::vector<Queue*> all;
  for (const auto& queue : queues) all.push_back(queue.get());
  return all;
}

void add(Queue& queue, Task task) {
  if (queue.capture) {
    queue.capture->tasks.push_back(std::move(task));
    return;
  }
  queue.tasks.push_back(std::move(task));
  go_on_for_a_while();
}

PointPtr record(Queue& queue) {
  auto point = std::make_shared<Point>();
  if (queue.capture) {
    point->capture = queue.capture->number;
    return point;
  }
  add(queue, {.makes = point});
  return point;
}

void wait_for(const PointPtr& point) {
  while (!point->done) {
    if (!step()) fault("somebody waits for what never comes: queues wait for each other, or a task for itself");
  }
}

void wait_for_all(int device) {
  std::vector<PointPtr> ends;
  for (Queue* queue : all_queues()) {
    if ((device < 0 || queue->device == device) && !queue->tasks.empty()) {
      ends.push_back(std::make_shared<Point>());
      queue->tasks.push_back({.makes = ends.back()});
    }
  }
  for (const auto& end : ends) wait_for(end);
}

bool is_done(const PointPtr& point) {
  if (point == nullptr || point->done) return true;
  if (order == Order::kLate) {
    if (chance() < 0.5) step();  // or who asks again and again would do so for ever
  } else {
    go_on_for_a_while();
  }
  return point->done;
}

bool is_in_use(Bytes host) {
  for (const auto& queue : queues) {
    for (const Task& task : queue->tasks) {
      if (task.host.start < host.start + host.size && host.start < task.host.start + task.host.size) return true;
    }
  }
  return false;
}

void fault(const std::string& text) {
  std::fprintf(stderr, "pretended GPU: %s\n", text.c_str());
  std::abort();
}

}  // namespace emulated
