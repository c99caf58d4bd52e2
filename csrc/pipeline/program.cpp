#include "pipeline/program.h"

#include <utility>

#include "pipeline/draw.h"

namespace fastload {

ImageProgram::ImageProgram(std::vector<Step> steps, std::optional<OutputFormat> output, bool fused)
    : steps_(std::move(steps)), output_(std::move(output)), fused_(fused) {}

Status ImageProgram::moves(Size* size, std::uint64_t key, Targets* targets, std::vector<Move>* moves) const {
  if (targets != nullptr) targets->start(*size);
  for (const Step& step : steps_) {
    Status status = draw(step, key, size, targets, moves);
    if (!status.ok()) return status;
  }
  return {};
}

Status ImageProgram::plan(Size size, int channels, std::uint64_t key, Targets* targets, Plan* plan) const {
  thread_local std::vector<Move> moves;
  moves.clear();
  Size left = size;
  const Status drawn = this->moves(&left, key, targets, &moves);
  if (!drawn.ok()) return drawn;
  plan->begin(size, channels, fused_);
  for (const Move& move : moves) plan->add(move);
  plan->end();
  if (output_ && output_->channels != plan->channels()) {
    return Status::of(Fault::kBadArgument, "the image has %d channels at the end of the transforms, and %d are expected",
                      plan->channels(), output_->channels);
  }
  return {};
}

std::optional<Size> ImageProgram::size_after(std::optional<Size> size) const {
  for (const Step& step : steps_) size = fastload::size_after(step.op, size);
  return size;
}

}  // namespace fastload
