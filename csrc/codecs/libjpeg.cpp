#include "codecs/libjpeg.h"

#include <cstring>

#include <jerror.h>

extern "C" {
#include <jpegint.h>
}

namespace fastload {
namespace {

// Encoders write about 10 scans, and never need more than a few dozen. Each takes time for every block of the image
// while it may be a few bytes in the file, so that a small file could keep a thread busy for minutes.
constexpr int kMostScans = 100;

const JOCTET kEndOfImage[2] = {0xFF, JPEG_EOI};

Fault fault_of(int code) noexcept {
  switch (code) {
    case JERR_OUT_OF_MEMORY: return Fault::kNoMemory;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL: return Fault::kForeign;
    default: return Fault::kCorrupt;
  }
}

}  // namespace

Libjpeg::Libjpeg() noexcept {
  std::memset(&info_, 0, sizeof(info_));
  info_.err = jpeg_std_error(&errors_);
  info_.client_data = this;  // this and info_.err stay when it is made anew
  errors_.error_exit = on_error;
  errors_.emit_message = on_message;
  errors_.output_message = ignore;
  errors_.too_many_scans = false;
  source_ = {nullptr, 0, start_source, fill_source, skip_source, jpeg_resync_to_restart, end_source};
  std::memset(&progress_, 0, sizeof(progress_));
  progress_.progress_monitor = on_progress;
}

Libjpeg::~Libjpeg() {
  if (created_) jpeg_destroy_decompress(&info_);
}

void Libjpeg::create() noexcept {
  if (setjmp(errors_.jump) != 0) return;
  jpeg_create_decompress(&info_);
  created_ = true;
}

// Made anew for each file, which takes about a microsecond: quantisation and Huffman tables outlive an image in libjpeg,
// and would serve the next file if that has none.
void Libjpeg::reset(std::span<const std::uint8_t> file) noexcept {
  if (created_) jpeg_destroy_decompress(&info_);
  created_ = false;
  create();
  if (!created_) return;
  cut_short_ = found_odd_ = errors_.too_many_scans = false;
  file_bytes_ = file.size();
  source_.next_input_byte = file.data();
  source_.bytes_in_buffer = file.size();
  info_.src = &source_;
  info_.progress = &progress_;
}

void Libjpeg::abort() noexcept {
  if (created_) jpeg_abort_decompress(&info_);
}

Status Libjpeg::failure() noexcept {
  const Status status = describe();
  abort();  // a damaged image's memory is of no more use
  return status;
}

Status Libjpeg::describe() noexcept {
  if (found_odd_) return Status::of(Fault::kCorrupt, "odd data in a baseline scan");
  if (errors_.too_many_scans) {
    return Status::of(Fault::kCorrupt, "more than %d progressive scans", kMostScans);
  }
  if (cut_short_) return Status::of(Fault::kCorrupt, "cut short: the file ends after %zu bytes", file_bytes_);
  char text[JMSG_LENGTH_MAX] = {};
  errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), text);
  return Status::of(fault_of(errors_.msg_code), "%s", text);
}

void Libjpeg::on_error(j_common_ptr info) { std::longjmp(of(info).errors_.jump, 1); }

// Warnings are about damage that libjpeg works around, as Pillow lets it do; that the file ended is noticed elsewhere.
void Libjpeg::on_message(j_common_ptr info, int level) {
  if (level < 0) ++info->err->num_warnings;
}

void Libjpeg::on_progress(j_common_ptr info) {
  Libjpeg& self = of(info);
  if (self.info_.input_scan_number <= kMostScans) return;
  self.errors_.too_many_scans = true;
  std::longjmp(self.errors_.jump, 1);
}

// The entropy decoder is an object whose methods libjpeg's other parts call by pointer; that of one MCU is replaced. Its
// place has been the same in all versions since 1998.
void Libjpeg::take_mcus(McuSource& source) noexcept {
  mcus_ = &source;
  info_.entropy->decode_mcu = decode_mcu;
}

boolean Libjpeg::decode_mcu(j_decompress_ptr info, JBLOCKROW* blocks) {
  Libjpeg& self = of(info);
  if (self.mcus_->next_mcu(blocks)) return TRUE;
  self.found_odd_ = true;
  std::longjmp(self.errors_.jump, 1);
}

// The file has ended. An end-of-image marker lets libjpeg come to an end of its own.
boolean Libjpeg::fill_source(j_decompress_ptr info) {
  Libjpeg& self = of(info);
  self.cut_short_ = true;
  self.source_.next_input_byte = kEndOfImage;
  self.source_.bytes_in_buffer = sizeof(kEndOfImage);
  return TRUE;
}

void Libjpeg::skip_source(j_decompress_ptr info, long bytes) {
  if (bytes <= 0) return;
  jpeg_source_mgr& source = of(info).source_;
  if (static_cast<std::size_t>(bytes) > source.bytes_in_buffer) {
    fill_source(info);
    return;
  }
  source.next_input_byte += bytes;
  source.bytes_in_buffer -= static_cast<std::size_t>(bytes);
}

}  // namespace fastload
