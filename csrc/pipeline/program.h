// A chain of transforms, ready to be run on many images: its steps, and what becomes of the pixels in the end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/status.h"
#include "kernels/finish.h"
#include "pipeline/ops.h"
#include "pipeline/moves.h"
#include "pipeline/plan.h"
#include "pipeline/targets.h"

namespace fastload {

struct OutputFormat {
  bool planar;    // CHW, else HWC
  int channels;   // 1 or 3
  OutType type;
  LevelMap levels;
};

class ImageProgram {
 public:
  // output: nothing for 8-bit HWC pixels of as many channels as the steps leave.
  // fused: steps are composed; else each is a pass by itself.
  ImageProgram(std::vector<Step> steps, std::optional<OutputFormat> output, bool fused = true);

  // What is done to an image of that size and those channels (1, 3 or 4) under the sample's key; targets, if there are
  // any, move with it.
  Status plan(Size size, int channels, std::uint64_t key, Targets* targets, Plan* plan) const;

  // What the steps do, one after the other, without an image.
  Status moves(Size* size, std::uint64_t key, Targets* targets, std::vector<Move>* moves) const;

  // The size that comes out of an image of that size, or of any image; nothing if that is not decided.
  std::optional<Size> size_after(std::optional<Size> size) const;

  bool fused() const noexcept { return fused_; }
  const std::vector<Step>& steps() const noexcept { return steps_; }
  const std::optional<OutputFormat>& output() const noexcept { return output_; }

 private:
  std::vector<Step> steps_;
  std::optional<OutputFormat> output_;
  bool fused_;
};

}  // namespace fastload
