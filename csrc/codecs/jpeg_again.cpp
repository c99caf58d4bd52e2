// A file would be written only to be read: its codes lose nothing. So the encoder's coefficients are kept as they are
// where it would code them, and given to the decoder where it would decode them; libjpeg does all that loses something.
#include "codecs/jpeg_again.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <jpeglib.h>

#include <jerror.h>

extern "C" {
#include <jpegint.h>
}

#include "codecs/libjpeg.h"

namespace fastload {
namespace {

static_assert(sizeof(JBLOCK) == sizeof(Block));

// The coefficients of an image, block after block as they are in a scan.
class Coefficients final : public McuSource {
 public:
  bool make_room(std::size_t blocks_in_mcu, std::size_t mcus) noexcept {
    blocks_in_mcu_ = blocks_in_mcu;
    blocks_.reset(new (std::nothrow) JBLOCK[blocks_in_mcu * mcus]);
    next_ = blocks_.get();
    return next_ != nullptr;
  }
  void add_mcu(JBLOCKROW* blocks) noexcept {
    for (std::size_t k = 0; k < blocks_in_mcu_; ++k) std::memcpy(next_++, blocks[k], sizeof(JBLOCK));
  }
  void go_to_start() noexcept { next_ = blocks_.get(); }
  bool next_mcu(Block* const* blocks) noexcept override {
    for (std::size_t k = 0; k < blocks_in_mcu_; ++k) std::memcpy(blocks[k], next_++, sizeof(JBLOCK));
    return true;
  }

 private:
  std::unique_ptr<JBLOCK[]> blocks_;
  JBLOCK* next_ = nullptr;
  std::size_t blocks_in_mcu_ = 0;
};

struct Trap {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

[[noreturn]] void leave(j_common_ptr info) { std::longjmp(reinterpret_cast<Trap*>(info->err)->back, 1); }
void say_nothing(j_common_ptr, int) {}

boolean keep_mcu(j_compress_ptr info, JBLOCKROW* blocks) {
  static_cast<Coefficients*>(info->client_data)->add_mcu(blocks);
  return TRUE;
}

J_COLOR_SPACE colours_of(const ImageView& image) noexcept {
  return image.channels == 1 ? JCS_GRAYSCALE : image.channels == 3 ? JCS_EXT_RGB : JCS_EXT_RGBX;
}

// A file with all but its scan, which begins and ends at once.
struct Bytes {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  ~Bytes() { std::free(data); }
};

// 0, or the number of libjpeg's error. Nothing here has a destructor: an error leaves it by a jump.
int encode(const ImageView& image, int quality, Bytes* bytes, Coefficients* coefficients) noexcept {
  jpeg_compress_struct info{};
  Trap trap{};
  info.err = jpeg_std_error(&trap.manager);
  trap.manager.error_exit = leave;
  trap.manager.emit_message = say_nothing;
  if (setjmp(trap.back) != 0) {
    jpeg_destroy_compress(&info);
    return trap.manager.msg_code;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &bytes->data, &bytes->size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = colours_of(image);
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  const std::size_t mcus = std::size_t{info.MCUs_per_row} * info.MCU_rows_in_scan;
  if (!coefficients->make_room(static_cast<std::size_t>(info.blocks_in_MCU), mcus)) {
    trap.manager.msg_code = JERR_OUT_OF_MEMORY;
    std::longjmp(trap.back, 1);
  }
  info.client_data = coefficients;
  info.entropy->encode_mcu = keep_mcu;  // see Libjpeg::take_mcus
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = image.row(static_cast<int>(info.next_scanline));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return 0;
}

}  // namespace

Status jpeg_again(ImageView image, int quality, ImageView out) noexcept {
  Bytes bytes;
  Coefficients coefficients;
  const int error = encode(image, quality, &bytes, &coefficients);
  if (error == JERR_OUT_OF_MEMORY) return Status::of(Fault::kNoMemory, "no memory for the coefficients of a JPEG file");
  if (error != 0) {
    return Status::of(Fault::kBadArgument, "an image of %d x %d (height x width) cannot be a JPEG file", image.height,
                      image.width);
  }
  coefficients.go_to_start();
  Libjpeg jpeg;
  jpeg.reset({bytes.data, bytes.size});
  return jpeg.run([&](jpeg_decompress_struct& info) {
    jpeg_read_header(&info, TRUE);
    info.out_color_space = colours_of(out);
    jpeg_start_decompress(&info);
    jpeg.take_mcus(coefficients);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = out.row(static_cast<int>(info.output_scanline));
      jpeg_read_scanlines(&info, &row, 1);
    }
  });
}

}  // namespace fastload
