#include "pipeline/image_job.h"

#include <algorithm>
#include <utility>

#include "core/ticks.h"

namespace fastload {
namespace {

StageTimes difference(const StageTimes& now, const StageTimes& before) {
  return {now.read - before.read, now.decode - before.decode, now.resample - before.resample,
          now.finish - before.finish};
}

StageTimes in_nanoseconds(StageTimes times) {
  const double each = nanoseconds_per_tick();
  for (std::int64_t* time : {&times.read, &times.decode, &times.resample, &times.finish}) {
    *time = static_cast<std::int64_t>(each * static_cast<double>(*time));
  }
  return times;
}

}  // namespace

// The row of the batch that belongs to one position.
class ImageJob::Row : public Destination {
 public:
  Row(const BatchSpec& spec, std::int64_t position) : spec_(spec), position_(position) {}

  Status place(Size size, int channels, std::size_t bytes, void** out) noexcept override {
    const std::size_t needed = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) *
                               static_cast<std::size_t>(channels) * bytes;
    if (size != spec_.size || needed != spec_.row_bytes) {
      return Status::of(Fault::kBadArgument, "the image comes out with %d x %d (height x width) pixels of %d channels, "
                        "the batch has %d x %d", size.height, size.width, channels, spec_.size.height,
                        spec_.size.width);
    }
    *out = static_cast<std::byte*>(spec_.out) + static_cast<std::size_t>(position_) * spec_.row_bytes;
    return {};
  }

 private:
  const BatchSpec& spec_;
  std::int64_t position_;
};

std::uint64_t ImageJob::key(std::int64_t position) const noexcept {
  return sample_key(spec_.seed, spec_.epoch, static_cast<std::uint64_t>(spec_.streams[position]));
}

bool ImageJob::make(std::int64_t position, Executor& executor) {
  const StageTimes before = executor.times();
  Row row(spec_, position);
  const Status status = spec_.source->run(spec_.indices[position], executor, *spec_.program, key(position), row);
  if (status.fault() == Fault::kForeign) return false;
  note(position, status, difference(executor.times(), before));
  return true;
}

void ImageJob::give(std::int64_t position, ImageView image, Executor& executor) {
  const StageTimes before = executor.times();
  Row row(spec_, position);
  const Status status = executor.run_pixels(image, *spec_.program, key(position), row);
  note(position, status, difference(executor.times(), before));
}

void ImageJob::fail(std::int64_t position, std::string text) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({position, std::move(text)});
}

Status ImageJob::make_with(std::int64_t position, Executor& executor, Targets* targets, const ImageView* image) {
  const StageTimes before = executor.times();
  Row row(spec_, position);
  const Status status =
      image == nullptr
          ? spec_.source->run(spec_.indices[position], executor, *spec_.program, key(position), row, targets)
          : executor.run_pixels(*image, *spec_.program, key(position), row, targets);
  note(position, {}, difference(executor.times(), before));
  return status;
}

void ImageJob::note(std::int64_t position, const Status& status, const StageTimes& spent) {
  const std::lock_guard lock(mutex_);
  times_ += spent;
  if (!status.ok()) faults_.push_back({position, status.text()});
}

std::vector<ImageJob::FaultyRow> ImageJob::faults() const {
  const std::lock_guard lock(mutex_);
  std::vector<FaultyRow> found = faults_;
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.position < b.position; });
  return found;
}

StageTimes ImageJob::times() const {
  const std::lock_guard lock(mutex_);
  return in_nanoseconds(times_);
}

}  // namespace fastload
