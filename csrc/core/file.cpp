#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

namespace fastload {
namespace {

// Room for files that do not say how long they are (pipes, /proc), and for one that grew since it was asked.
constexpr std::size_t kStepBytes = 64 * 1024;

const char* error_text(int number, char* buffer, std::size_t bytes) {
#ifdef _GNU_SOURCE
  return strerror_r(number, buffer, bytes);
#else
  return strerror_r(number, buffer, bytes) == 0 ? buffer : "unknown error";
#endif
}

Status unreadable(int number) {
  char buffer[128];
  return Status::of(Fault::kUnreadable, "%s", error_text(number, buffer, sizeof(buffer)));
}

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  operator int() const noexcept { return number_; }

 private:
  int number_;
};

int open_file(const char* path) {
  int number;
  do {
    number = ::open(path, O_RDONLY | O_CLOEXEC);
  } while (number < 0 && errno == EINTR);
  return number;
}

// Reads to the end; the vector is never made larger than one step beyond what was there.
Status read_all(int file, std::size_t expected_bytes, std::vector<std::uint8_t>& into) {
  // One byte more than expected: the read that fills the rest also shows that there is no more.
  into.resize(expected_bytes + 1);
  std::size_t filled = 0;
  for (;;) {
    if (filled == into.size()) into.resize(filled + kStepBytes);
    const ssize_t got = ::read(file, into.data() + filled, into.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(errno);
    filled += static_cast<std::size_t>(got);
    if (got == 0 || (filled == expected_bytes && expected_bytes != 0)) break;
  }
  into.resize(filled);
  return {};
}

}  // namespace

Status read_file(const char* path, std::vector<std::uint8_t>& into) noexcept {
  into.clear();
  const Descriptor file(open_file(path));
  if (file < 0) return unreadable(errno);
  struct stat about;
  if (::fstat(file, &about) != 0) return unreadable(errno);
  if (S_ISDIR(about.st_mode)) return unreadable(EISDIR);
  try {
    return read_all(file, S_ISREG(about.st_mode) ? static_cast<std::size_t>(about.st_size) : 0, into);
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  into.clear();
  return Status::of(Fault::kNoMemory, "no memory for a file of %lld bytes", static_cast<long long>(about.st_size));
}

}  // namespace fastload
