#include "pipeline/image_queue.h"

#include <algorithm>
#include <utility>

namespace fastload {

void ImageQueue::push(std::shared_ptr<ImageJob> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_all();
}

std::optional<ImageQueue::Event> ImageQueue::work(Executor& executor, std::shared_ptr<ImageJob>& in_hand) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (std::optional<Event> event = whole_job()) return event;
    in_hand = job_with_work();
    if (in_hand == nullptr) {
      if (draining_) return std::nullopt;
      changed_.wait(lock);
      continue;
    }
    const std::int64_t position = in_hand->next_++;
    if (in_hand->by_turns()) return Event{std::move(in_hand), position};
    lock.unlock();
    const bool made = in_hand->make(position, executor);
    if (!made) return Event{std::move(in_hand), position};
    lock.lock();
    if (stopped_) break;
    ImageJob& job = *in_hand;
    in_hand.reset();  // it stays in the list until it is announced, which takes this lock
    job.settle();
  }
  return std::nullopt;
}

std::optional<ImageQueue::Event> ImageQueue::whole_job() {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->is_whole(); });
  if (found == jobs_.end()) return std::nullopt;
  Event event{std::move(*found), kWhole};
  jobs_.erase(found);
  return event;
}

std::shared_ptr<ImageJob> ImageQueue::job_with_work() {
  for (const auto& job : jobs_) {
    if (job->next_ < job->count()) return job;
  }
  return nullptr;
}

void ImageQueue::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  changed_.notify_all();
}

void ImageQueue::stop() {
  std::list<std::shared_ptr<ImageJob>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(jobs_);
  }
  changed_.notify_all();
}

}  // namespace fastload
