// Where a stage's pixels come from, row by row: a JPEG file that is being decoded, or an image in memory.
#pragma once

#include <cstdint>
#include <memory>

#include "codecs/jpeg.h"
#include "core/image_view.h"
#include "core/status.h"

namespace fastload {

// Memory that grows and is reused; its contents are undefined.
class Scratch {
 public:
  // At least bytes + kRowPadding, nullptr if there is no memory.
  std::uint8_t* reserve(std::size_t bytes) noexcept;
  // Gives large memory back: one huge image must not be paid for until the thread ends.
  void trim(std::size_t most_bytes) noexcept;

 private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t capacity_ = 0;
};

// A dense image of 1 or 4 bytes a pixel in scratch memory.
Status scratch_image(Scratch& scratch, int height, int width, int channels, ImageView* image) noexcept;

// A place within a pixel.
struct Origin {
  double x = 0;
  double y = 0;
};

class RowSource {
 public:
  using Rows = JpegDecoder::Rows;
  virtual ~RowSource() = default;

  // Into which of the decoder's smaller sizes (8: none) the whole source may be read: see JpegDecoder::start.
  virtual bool has_eighths() const noexcept { return false; }
  // Where the source begins in what it is at eighths / 8 of its size, in pixels of that: within the first pixel.
  virtual Origin origin(int) const noexcept { return {}; }
  virtual Status begin(Region region, int eighths) noexcept = 0;
  // Whether rows are to be had as RGB, too: those from then on are of 3 bytes a pixel in place of 4.
  virtual bool give_rgb() noexcept { return false; }
  // The region's next rows, of 1 or 4 bytes a pixel, kRowPadding readable bytes after each; count 0 at the end.
  virtual Status next(Rows* rows) noexcept = 0;
  // The region as RGB where it lies, if it does; else an image without pixels.
  virtual ImageView rgb_in_place(Region) const noexcept { return {}; }
  // The whole region, copied: `out` has its size, and 1 or 4 bytes a pixel.
  virtual Status read(Region region, ImageView out) noexcept;
};

// A file that is open in `decoder`.
class JpegSource : public RowSource {
 public:
  // scaled: smaller sizes of the decoder's may be used. Grey or RGBX rows.
  JpegSource(JpegDecoder& decoder, bool grey, bool scaled) noexcept
      : decoder_(decoder), format_(grey ? PixelFormat::kGrey : PixelFormat::kRgbx), scaled_(scaled) {}
  bool has_eighths() const noexcept override { return scaled_; }
  Status begin(Region region, int eighths) noexcept override { return decoder_.start(region, eighths, format_); }
  Status next(Rows* rows) noexcept override { return decoder_.next(rows); }

 private:
  JpegDecoder& decoder_;
  PixelFormat format_;
  bool scaled_;
};

// A file whose EXIF orientation turns it: the region is decoded as a whole, and turned.
class TurnedJpegSource : public RowSource {
 public:
  TurnedJpegSource(JpegDecoder& decoder, bool grey, bool scaled, Scratch& stored, Scratch& turned) noexcept
      : decoder_(decoder), channels_(grey ? 1 : 4), scaled_(scaled), stored_(stored), turned_(turned) {}
  bool has_eighths() const noexcept override { return scaled_; }
  Origin origin(int eighths) const noexcept override;
  Status begin(Region region, int eighths) noexcept override;
  Status next(Rows* rows) noexcept override;

 private:
  JpegDecoder& decoder_;
  int channels_;
  bool scaled_;
  Scratch& stored_;
  Scratch& turned_;
  ImageView left_;
};

// An image of 1, 3 or 4 channels that others own.
class ViewSource : public RowSource {
 public:
  ViewSource(ImageView image, Scratch& scratch) noexcept : image_(image), scratch_(scratch) {}
  bool give_rgb() noexcept override { return gives_rgb_ = image_.channels == 3; }
  Status begin(Region region, int eighths) noexcept override;
  Status next(Rows* rows) noexcept override;
  ImageView rgb_in_place(Region region) const noexcept override;
  Status read(Region region, ImageView out) noexcept override;

 private:
  int bytes() const noexcept { return image_.channels == 1 ? 1 : gives_rgb_ ? 3 : 4; }
  int rows_in_place() const noexcept;
  void copy_row(int x, int y, int width, std::uint8_t* out) const noexcept;

  ImageView image_;
  Scratch& scratch_;
  Region left_;
  bool gives_rgb_ = false;
};

// An image in scratch memory: nothing to be copied.
class ScratchSource : public RowSource {
 public:
  explicit ScratchSource(ImageView image) noexcept : image_(image) {}
  Status begin(Region region, int eighths) noexcept override;
  Status next(Rows* rows) noexcept override;

 private:
  ImageView image_;
  Rows left_;
};

}  // namespace fastload
