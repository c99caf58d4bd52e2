// Batches in order, and threads that work on them: several in one batch, the oldest first, so that the batch that is
// wanted next is the next to be there whatever single samples take.
//
// Life of a job: WAITING -all its samples are taken and dealt with-> WHOLE -announced to one thread, once-> gone.
// Jobs belong to objects that may only die with the interpreter's lock held. So the queue lets go of a job only where
// its caller holds that lock: in what work() returns, and in stop().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "pipeline/image_job.h"

namespace fastload {

class ImageQueue {
 public:
  static constexpr std::int64_t kWhole = -1;

  struct Event {
    std::shared_ptr<ImageJob> job;
    std::int64_t position;  // of the sample that others have to decode, or to make; kWhole: the job is whole
  };

  void push(std::shared_ptr<ImageJob> job);

  // Makes samples until there is something to say. Nothing: stopped, or drained. in_hand holds the job that the
  // calling thread is in; the caller keeps it, and lets go of it with the lock held.
  std::optional<Event> work(Executor& executor, std::shared_ptr<ImageJob>& in_hand);

  void drain();  // work() ends, in place of waiting, once no job has anything left to take or to announce
  void stop();   // work() ends with the sample in hand; all jobs are dropped

 private:
  std::optional<Event> whole_job();
  std::shared_ptr<ImageJob> job_with_work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::shared_ptr<ImageJob>> jobs_;
  bool draining_ = false;
  bool stopped_ = false;
};

}  // namespace fastload
