#include "codecs/jpeg_again.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jpeglib.h>

#include "codecs/jpeg.h"

namespace fastload {
namespace {

struct Trap {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

[[noreturn]] void leave(j_common_ptr info) { std::longjmp(reinterpret_cast<Trap*>(info->err)->back, 1); }
void say_nothing(j_common_ptr, int) {}

struct Bytes {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  ~Bytes() { std::free(data); }
};

// Nothing here has a destructor: an error of libjpeg's leaves it by a jump.
bool encode(const ImageView& image, int quality, Bytes* bytes) noexcept {
  jpeg_compress_struct info{};
  Trap trap{};
  info.err = jpeg_std_error(&trap.manager);
  trap.manager.error_exit = leave;
  trap.manager.emit_message = say_nothing;
  if (setjmp(trap.back) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &bytes->data, &bytes->size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : image.channels == 3 ? JCS_EXT_RGB : JCS_EXT_RGBX;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = image.row(static_cast<int>(info.next_scanline));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

Status jpeg_again(ImageView image, int quality, ImageView out) noexcept {
  Bytes bytes;
  if (!encode(image, quality, &bytes)) {
    return Status::of(Fault::kBadArgument, "an image of %d x %d (height x width) cannot be a JPEG file", image.height,
                      image.width);
  }
  JpegDecoder decoder;
  Status status = decoder.open({bytes.data, bytes.size}, 0);
  const auto format = static_cast<PixelFormat>(image.channels);
  if (status.ok()) status = decoder.start({0, 0, image.width, image.height}, 8, format);
  for (int y = 0; status.ok() && y < image.height;) {
    JpegDecoder::Rows rows;
    status = decoder.next(&rows);
    for (int k = 0; status.ok() && k < rows.count; ++k, ++y) {
      std::memcpy(out.row(y), rows.data + k * rows.row_bytes, static_cast<std::size_t>(image.width * image.channels));
    }
  }
  return status;
}

}  // namespace fastload
