// libjpeg with a file in memory as its source, and with errors that come back as values.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <span>

#include <jpeglib.h>

#include "codecs/mcu_source.h"
#include "core/status.h"

namespace fastload {

// A decompress object. libjpeg reports an error by a call that must not return: here a jump back to run(), across
// frames of C. Nothing in a step that run() calls may therefore need a destructor.
class Libjpeg {
 public:
  Libjpeg() noexcept;
  ~Libjpeg();
  Libjpeg(const Libjpeg&) = delete;
  Libjpeg& operator=(const Libjpeg&) = delete;

  // Forgets the image in hand, and makes `file` the source.
  void reset(std::span<const std::uint8_t> file) noexcept;

  // Frees what the image in hand takes; the source stays.
  void abort() noexcept;

  // Calls step(cinfo). Not ok if libjpeg gave up, or if it wanted more bytes than there are.
  template <class Step>
  Status run(Step step) noexcept {
    if (!created_) return Status::of(Fault::kNoMemory, "no memory for a JPEG decoder");
    if (setjmp(errors_.jump) != 0) return failure();
    step(info_);
    return cut_short_ ? failure() : Status();
  }

  jpeg_decompress_struct& info() noexcept { return info_; }

  // From here on MCUs come from `source`; what it calls odd ends the step, and has_found_odd() is true.
  void take_mcus(McuSource& source) noexcept;
  bool has_found_odd() const noexcept { return found_odd_; }

 private:
  struct Errors : jpeg_error_mgr {
    std::jmp_buf jump;
    bool too_many_scans;
  };

  void create() noexcept;
  Status failure() noexcept;
  Status describe() noexcept;

  static Libjpeg& of(j_common_ptr info) noexcept { return *static_cast<Libjpeg*>(info->client_data); }
  static Libjpeg& of(j_decompress_ptr info) noexcept { return *static_cast<Libjpeg*>(info->client_data); }
  static void on_error(j_common_ptr info);
  static void on_message(j_common_ptr info, int level);
  static void on_progress(j_common_ptr info);
  static void ignore(j_common_ptr) {}
  static boolean decode_mcu(j_decompress_ptr info, JBLOCKROW* blocks);
  static void start_source(j_decompress_ptr) {}
  static boolean fill_source(j_decompress_ptr info);
  static void skip_source(j_decompress_ptr info, long bytes);
  static void end_source(j_decompress_ptr) {}

  jpeg_decompress_struct info_;
  Errors errors_;
  jpeg_source_mgr source_;
  jpeg_progress_mgr progress_;
  std::size_t file_bytes_ = 0;
  bool created_ = false;
  bool cut_short_ = false;
  McuSource* mcus_ = nullptr;
  bool found_odd_ = false;
};

}  // namespace fastload
