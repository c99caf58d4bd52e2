// Runs programs on samples, one at a time: from a file or from pixels to finished values. One for each thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "codecs/jpeg.h"
#include "core/status.h"
#include "kernels/resample.h"
#include "pipeline/pixel_run.h"
#include "pipeline/program.h"
#include "pipeline/row_source.h"
#include "pipeline/warped_source.h"

namespace fastload {

// How image files are read.
struct FileOptions {
  bool grey = false;                // Pillow's mode "L", else "RGB"
  bool apply_orientation = false;   // turn the image as its EXIF data says
  bool scaled = true;               // decode at 1/2, 1/4 or 1/8 where that still covers what the image is shrunk to
  std::int64_t max_pixels = 0;      // 0: no limit
};

struct StageTimes {  // of an executor in ticks, of a job in nanoseconds
  std::int64_t read = 0, decode = 0, resample = 0, finish = 0;
  StageTimes& operator+=(const StageTimes& more) noexcept {
    read += more.read, decode += more.decode, resample += more.resample, finish += more.finish;
    return *this;
  }
};

// Where a sample's values go. Called once the size is known; nullptr: there is no memory.
class Destination {
 public:
  virtual ~Destination() = default;
  // For height x width values of `channels`, of `bytes` each. May refuse the size by a status.
  virtual Status place(Size size, int channels, std::size_t bytes, void** out) noexcept = 0;
  // Whether a sample that is a part of its image as it is may stay there: then nothing is placed.
  virtual bool may_stay(Region) noexcept { return false; }
};

class Executor {
 public:
  // kForeign: not a file for this decoder. targets, if there are any, move with the image.
  Status run_file(const char* path, const FileOptions& options, const ImageProgram& program, std::uint64_t key,
                  Destination& out, Targets* targets = nullptr) noexcept;

  // image: 1, 3 or 4 channels.
  Status run_pixels(ImageView image, const ImageProgram& program, std::uint64_t key, Destination& out,
                    Targets* targets = nullptr) noexcept;

  const Plan& plan() const noexcept { return plan_; }  // of the last sample

  const StageTimes& times() const noexcept { return times_; }  // of everything so far

 private:
  class Clock;

  Status run(RowSource& source, int channels, const ImageProgram& program, Destination& out);
  Status run_direct(ImageView image, Destination& out);
  Status read_stage(const Stage& stage, RowSource& source, int channels, ImageView* image);
  // rows_made, if there is one, is given the rows as they are made, and the image is not kept.
  using RowsMade = std::function<void(ImageView rows)>;
  Status resize_stage(const Stage& stage, RowSource& source, int channels, ImageView* image,
                      const RowsMade& rows_made = {});
  Status copy_stage(const Stage& stage, RowSource& source, int channels, ImageView* image);
  Status warp_stage(const Stage& stage, ImageView* image);
  Status place_stage(const Stage& stage, ImageView in, ImageView* out);
  Status finish(ImageView image, bool placed, const ImageProgram& program, Destination& out);
  Status finish_resized(const Stage& stage, RowSource& source, int channels, const ImageProgram& program,
                        Destination& out);
  Status finish_warped(const Stage& stage, WarpedSource& source, const ImageProgram& program, Destination& out);
  Status colour_stage(const Stage& stage, ImageView* image, bool* placed);
  void trim() noexcept;

  JpegDecoder decoder_;
  std::vector<std::uint8_t> file_;
  Plan plan_;
  AxisWeights horizontal_, vertical_;
  RowResizer resizer_;
  PixelRunner colours_;
  Scratch rows_, stored_, read_[2], placed_[2];
  int read_in_ = 0, placed_in_ = 0;
  StageTimes times_;
  std::int64_t* reading_ = &times_.decode;  // the time that it takes to get the rows of what is being read
};

}  // namespace fastload
