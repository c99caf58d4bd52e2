#include "memory/shared_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <random>
#include <stdexcept>
#include <system_error>

#include "memory/available.h"

namespace fastload {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int make_memfd() noexcept {
#ifdef MFD_CLOEXEC
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
  const int fd = memfd_create("fastload", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  if (fd >= 0 || errno != EINVAL) return fd;
  return memfd_create("fastload", MFD_CLOEXEC);  // kernels before 6.3 do not know the seal
#else
  errno = ENOSYS;
  return -1;
#endif
}

// POSIX shared memory loses its name before anyone can see it in use.
int make_posix() {
  std::random_device random;
  for (int attempt = 0; attempt < 64; ++attempt) {
    const std::string name = "/fastload-" + std::to_string(random()) + "-" + std::to_string(attempt);
    const int fd = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd >= 0) shm_unlink(name.c_str());
    return fd;
  }
  return -1;
}

int make_file(const std::string& kind) {
  if (kind == "memfd") return make_memfd();
  if (kind == "posix") return make_posix();
  if (kind != "auto") throw std::invalid_argument("kind must be 'auto', 'memfd' or 'posix', got '" + kind + "'");
  const int fd = make_memfd();
  return fd < 0 && (errno == ENOSYS || errno == EPERM) ? make_posix() : fd;
}

// fallocate gives up when a signal is pending, and would never finish under a fast interval timer.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Asked for before the system is, because going past the limit would also raise SIGXFSZ.
bool within_file_size_limit(std::uint64_t end) noexcept {
  struct rlimit limit;
  return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || end <= limit.rlim_cur;
}

int grow(int fd, std::uint64_t offset, std::size_t bytes) noexcept {
#ifdef __linux__
  const SignalsBlocked blocked;
  int result;
  do {
    result = fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  return result;
#else
  struct stat status;
  if (fstat(fd, &status) != 0) return -1;
  const off_t end = static_cast<off_t>(offset + bytes);
  return status.st_size >= end ? 0 : ftruncate(fd, end);
#endif
}

}  // namespace

struct SharedFile::Descriptor {
  explicit Descriptor(int number) noexcept : fd(number) {}
  ~Descriptor() { ::close(fd); }
  Descriptor(const Descriptor&) = delete;

  const int fd;
};

SharedFile::SharedFile(int fd, const std::string& kind) {
  const bool adopted = fd >= 0;
  if (!adopted) fd = make_file(kind);
  if (fd < 0) fail("cannot make shared memory");
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) fail("not an open descriptor");
  descriptor_ = std::make_shared<Descriptor>(fd);
#ifdef __APPLE__
  // Shared memory takes its size once there; pages come when they are touched.
  if (!adopted && ftruncate(fd, off_t{1} << 36) != 0) fail("cannot size shared memory");
#endif
}

std::shared_ptr<SharedFile::Descriptor> SharedFile::open() const {
  const std::lock_guard lock(mutex_);
  if (descriptor_ == nullptr) throw std::invalid_argument("SharedFile is closed");
  return descriptor_;
}

int SharedFile::fileno() const { return open()->fd; }

std::uint64_t SharedFile::bytes() const {
  struct stat status;
  if (fstat(open()->fd, &status) != 0) fail("fstat");
  return static_cast<std::uint64_t>(status.st_size);
}

void SharedFile::reserve(std::uint64_t offset, std::size_t bytes) {
  const auto file = open();
  // Without a limit of its own this memory would be given out until the system kills processes.
  if (bytes > available_bytes()) errno = ENOMEM;
  else if (!within_file_size_limit(offset + bytes)) errno = EFBIG;
  else if (grow(file->fd, offset, bytes) == 0) return;
  fail("cannot reserve shared memory");
}

void SharedFile::punch([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef __linux__
  const int error = errno;
  try {
    const auto file = open();
    const SignalsBlocked blocked;
    (void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(bytes));
  } catch (const std::invalid_argument&) {  // closed: the memory goes when the last mapping goes
  }
  errno = error;
#endif
}

Mapping SharedFile::map(std::uint64_t offset, std::size_t bytes, std::uint64_t lock_owner) const {
  return Mapping::shared(open()->fd, offset, bytes, lock_owner);
}

void SharedFile::close() noexcept {
  std::shared_ptr<Descriptor> last;
  const std::lock_guard lock(mutex_);
  last.swap(descriptor_);
}

}  // namespace fastload
