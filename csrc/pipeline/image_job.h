// One batch in the making: which samples it has, where they go, and what became of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/image_source.h"
#include "pipeline/sample_stream.h"

namespace fastload {

// What a job is made of. All of it must stay as long as the job does.
struct BatchSpec {
  const ImageProgram* program;
  const ImageSource* source;
  const std::int64_t* indices;  // of the source
  const std::int64_t* streams;  // what the samples' keys are made of: the indices of the loader's dataset
  std::int64_t count;
  std::uint64_t seed, epoch;
  void* out;               // count samples, dense
  Size size;               // of each
  std::size_t row_bytes;   // of a whole sample
  bool by_turns;           // others make each sample, by make_with(), when it is its turn: it has targets
};

class ImageJob {
 public:
  explicit ImageJob(const BatchSpec& spec) : spec_(spec), left_(spec.count) {}
  virtual ~ImageJob() = default;
  ImageJob(const ImageJob&) = delete;

  struct FaultyRow {
    std::int64_t position;
    std::string text;
  };

  std::int64_t count() const noexcept { return spec_.count; }
  const char* path(std::int64_t position) const noexcept { return spec_.source->path(spec_.indices[position]); }

  bool by_turns() const noexcept { return spec_.by_turns; }

  // Makes the sample at `position`. False: its file has to be decoded by others, who then call give() or fail().
  bool make(std::int64_t position, Executor& executor);
  void give(std::int64_t position, ImageView image, Executor& executor);
  void fail(std::int64_t position, std::string text);

  // Makes the sample at `position`, from its file or from an image decoded by others, and moves its targets, if it has
  // any. What goes wrong is the caller's to report.
  Status make_with(std::int64_t position, Executor& executor, Targets* targets, const ImageView* image = nullptr);

  // Counts a sample as dealt with, made or not, by whoever was handed it.
  void settle() noexcept { left_.fetch_sub(1, std::memory_order_acq_rel); }
  bool is_whole() const noexcept { return left_.load(std::memory_order_acquire) == 0; }

  std::vector<FaultyRow> faults() const;  // by position
  StageTimes times() const;

 private:
  friend class ImageQueue;
  class Row;

  std::uint64_t key(std::int64_t position) const noexcept;
  void note(std::int64_t position, const Status& status, const StageTimes& spent);

  const BatchSpec spec_;
  std::int64_t next_ = 0;  // the first position that nobody has taken; the queue's
  std::atomic<std::int64_t> left_;
  mutable std::mutex mutex_;
  std::vector<FaultyRow> faults_;
  StageTimes times_;
};

}  // namespace fastload
