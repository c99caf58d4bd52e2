// Decoding JPEG files with libjpeg-turbo: any region, at any of the sizes that the inverse DCT gives for less work.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/image_view.h"
#include "core/status.h"

namespace fastload {

// What the header says. Sizes are those of the file, before any EXIF orientation.
struct JpegHeader {
  int width = 0;
  int height = 0;
  int components = 0;   // 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK
  bool progressive = false;
  int orientation = 1;  // EXIF's, 1 to 8; 1 where there is none, or none that makes sense
};

// How many bytes a decoded pixel has, and what is in them.
enum class PixelFormat : std::uint8_t {
  kGrey = 1,  // luminance; of a colour file Pillow's convert("L"): see the .cpp for how it is computed
  kRgb = 3,
  kRgbx = 4,  // RGB, and a byte of 255
};

// Decodes one file at a time; keeps its memory from one to the next. Belongs to one thread at a time.
class JpegDecoder {
 public:
  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  // Reads the header. `file` must stay until the next open() or the decoder's end.
  // kForeign: not a JPEG file, or one that libjpeg-turbo does not read (12 bits, arithmetic coding, lossless), so that
  // Pillow may be asked. kTooLarge: width * height > max_pixels (0: no limit).
  Status open(std::span<const std::uint8_t> file, std::int64_t max_pixels) noexcept;
  const JpegHeader& header() const noexcept;

  // Width or height `pixels` of the whole image when decoded at eighths / 8 of its size: rounded up.
  static int scaled(int pixels, int eighths) noexcept { return (pixels * eighths + 7) / 8; }

  // Begins to decode `region` of the image at eighths / 8 of its size (eighths: 1, 2, 4 or 8), in pixels of that size.
  // The pixels equal those of the whole image decoded at that size and then cropped, chroma upsampling included.
  // kBadArgument: the region is empty or not inside.
  Status start(Region region, int eighths, PixelFormat format) noexcept;

  // The region's next rows, at least one, in order; count 0 after the last. They stay until the next call of anything.
  // Up to kRowPadding bytes past the end of each row may be read.
  struct Rows {
    const std::uint8_t* data = nullptr;
    std::ptrdiff_t row_bytes = 0;
    int count = 0;
  };
  Status next(Rows* rows) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fastload
