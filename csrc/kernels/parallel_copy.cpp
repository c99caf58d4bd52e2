#include "kernels/parallel_copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/thread_pool.h"
#include "kernels/copy.h"

namespace fastload {
namespace {

constexpr std::size_t kParallelBytes = std::size_t{4} << 20;  // below, waking a thread costs more than it copies
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

bool overlap(const void* a, const void* b, std::size_t n) noexcept {
  const auto x = reinterpret_cast<std::uintptr_t>(a);
  const auto y = reinterpret_cast<std::uintptr_t>(b);
  return x < y + n && y < x + n;
}

}  // namespace

void copy_many_bytes(void* dst, const void* src, std::size_t n) {
  if (overlap(dst, src, n)) {
    std::memmove(dst, src, n);
    return;
  }
  if (n < kParallelBytes) return copy_bytes(dst, src, n);
  auto* to = static_cast<std::byte*>(dst);
  const auto* from = static_cast<const std::byte*>(src);
  parallel_for((n + kPieceBytes - 1) / kPieceBytes, [=](std::size_t piece) {
    const std::size_t start = piece * kPieceBytes;
    copy_bytes_streaming(to + start, from + start, std::min(kPieceBytes, n - start));
  });
}

}  // namespace fastload
