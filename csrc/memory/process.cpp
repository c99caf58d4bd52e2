#include "memory/process.h"

#include <cerrno>
#include <csignal>
#include <system_error>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace fastload {

void keep_freed_memory() noexcept {
#ifdef __GLIBC__
  // Some versions take any threshold, others 32 MiB at most: there, blocks above it leave mmap too.
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 0) {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_MMAP_MAX, 0);
  }
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void die_with_parent() {
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) throw std::system_error(errno, std::generic_category(), "prctl");
#endif
}

}  // namespace fastload
