// What went wrong with bad data, as a value: codecs, kernels and the pipeline do not throw for it.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>

namespace fastload {

enum class Fault : std::uint8_t {
  kNone,
  kUnreadable,   // the file cannot be opened or read
  kForeign,      // whole and sound for all that is known here, but of a format or kind that another decoder reads
  kCorrupt,      // no image, cut short, or damaged
  kTooLarge,     // more pixels than the limit allows
  kNoMemory,
  kBadArgument,  // what was asked for does not go with this image
};

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;  // all went well

  [[gnu::format(printf, 2, 3)]] static Status of(Fault fault, const char* format, ...) noexcept {
    Status status;
    status.fault_ = fault;
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(status.text_, sizeof(status.text_), format, arguments);
    va_end(arguments);
    return status;
  }

  bool ok() const noexcept { return fault_ == Fault::kNone; }
  Fault fault() const noexcept { return fault_; }
  const char* text() const noexcept { return text_; }  // for a person: "cut short after 1,234 bytes"

 private:
  Fault fault_ = Fault::kNone;
  char text_[183] = {};
};

}  // namespace fastload
