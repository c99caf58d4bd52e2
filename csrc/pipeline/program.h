// A chain of transforms, ready to be run on many images: its steps, and what becomes of the pixels in the end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/status.h"
#include "kernels/finish.h"
#include "pipeline/ops.h"
#include "pipeline/plan.h"

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
  ImageProgram(std::vector<Step> steps, std::optional<OutputFormat> output);

  // What is done to an image of that size and those channels (1, 3 or 4) under the sample's key.
  Status plan(Size size, int channels, std::uint64_t key, Plan* plan) const;

  // The size that comes out of an image of that size, or of any image; nothing if that is not decided.
  std::optional<Size> size_after(std::optional<Size> size) const;

  const std::vector<Step>& steps() const noexcept { return steps_; }
  const std::optional<OutputFormat>& output() const noexcept { return output_; }

 private:
  std::vector<Step> steps_;
  std::optional<OutputFormat> output_;
};

}  // namespace fastload
