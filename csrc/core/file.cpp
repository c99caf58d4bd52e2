#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace fastload {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const char* path) noexcept {
    do number = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe without a writer would hold us up
    while (number < 0 && errno == EINTR);
  }
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  int number;
};

Status unreadable(int error) noexcept { return Status::of(Fault::kUnreadable, "%s", std::strerror(error)); }

}  // namespace

Status read_file(const char* path, std::vector<std::uint8_t>* into, std::size_t* size) noexcept {
  *size = 0;
  const Descriptor file(path);
  if (file.number < 0) return unreadable(errno);
  struct stat facts;
  if (::fstat(file.number, &facts) != 0) return unreadable(errno);
  if (S_ISDIR(facts.st_mode)) return unreadable(EISDIR);
  if (!S_ISREG(facts.st_mode)) return Status::of(Fault::kUnreadable, "not a regular file");
  const auto length = static_cast<std::size_t>(facts.st_size);
  try {
    if (into->size() < length) into->resize(length);
  } catch (const std::bad_alloc&) {
    return Status::of(Fault::kNoMemory, "no memory for a file of %zu bytes", length);
  }
  while (*size < length) {
    const ssize_t count = ::read(file.number, into->data() + *size, length - *size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(errno);
    if (count == 0) break;  // it became shorter meanwhile
    *size += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace fastload
