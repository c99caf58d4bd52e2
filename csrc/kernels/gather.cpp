#include "kernels/gather.h"

#include <algorithm>
#include <cstring>

#include "core/thread_pool.h"

namespace fastload {
namespace {

constexpr std::size_t kCacheLine = 64;
// Rows asked for ahead of the one being copied: random reads are bound by latency, and a core keeps some
// ten to twenty lines in flight. Tiny rows look further ahead than large ones.
constexpr std::size_t kTinyRowsAhead = 16;
constexpr std::size_t kLargeRowsAhead = 2;
// The hardware follows a row by itself once it is in it, but not into the next page.
constexpr std::size_t kPrefetchBytes = 4096;
constexpr std::size_t kSmallRowBytes = 256;
// Below this much, waking a second thread takes longer than it saves: 256 rows of 3 KB were copied at 19 GB/s
// by one thread, and at 17 GB/s by two threads of one core.
constexpr std::size_t kParallelBytes = std::size_t{4} << 20;
constexpr std::size_t kChunkBytes = std::size_t{1} << 18;

inline const std::byte* source_row(const GatherJob& job, std::size_t k) noexcept {
  const std::int64_t index = job.indices[k];
  return job.source + (index < 0 ? index + job.rows : index) * job.source_stride;
}

inline std::byte* out_row(const GatherJob& job, std::size_t k) noexcept {
  const auto position = job.positions == nullptr ? static_cast<std::ptrdiff_t>(k) : job.positions[k];
  return job.out + position * job.out_stride;
}

// A constant size compiles to one load and one store.
template <std::size_t kRowBytes>
void gather_fixed(const GatherJob& job, std::size_t begin, std::size_t end) noexcept {
  for (std::size_t k = begin; k < end; ++k) {
    if (k + kTinyRowsAhead < end) __builtin_prefetch(source_row(job, k + kTinyRowsAhead));
    std::memcpy(out_row(job, k), source_row(job, k), kRowBytes);
  }
}

// Reads of neighbouring small rows overlap by themselves; asking ahead costs more than it brings.
void gather_small(const GatherJob& job, std::size_t begin, std::size_t end) noexcept {
  for (std::size_t k = begin; k < end; ++k) std::memcpy(out_row(job, k), source_row(job, k), job.row_bytes);
}

void gather_large(const GatherJob& job, std::size_t begin, std::size_t end) noexcept {
  const std::size_t bytes_ahead = std::min(job.row_bytes, kPrefetchBytes);
  for (std::size_t k = begin; k < end; ++k) {
    if (k + kLargeRowsAhead < end) {
      const std::byte* coming = source_row(job, k + kLargeRowsAhead);
      for (std::size_t at = 0; at < bytes_ahead; at += kCacheLine) __builtin_prefetch(coming + at);
    }
    std::memcpy(out_row(job, k), source_row(job, k), job.row_bytes);
  }
}

}  // namespace

std::size_t first_out_of_range(const std::int64_t* indices, std::size_t count, std::int64_t rows) noexcept {
  for (std::size_t k = 0; k < count; ++k) {
    if (indices[k] >= rows || indices[k] < -rows) return k;
  }
  return count;
}

void gather_part(const GatherJob& job, std::size_t begin, std::size_t end) noexcept {
  switch (job.row_bytes) {
    case 0: return;
    case 1: return gather_fixed<1>(job, begin, end);
    case 2: return gather_fixed<2>(job, begin, end);
    case 4: return gather_fixed<4>(job, begin, end);
    case 8: return gather_fixed<8>(job, begin, end);
    case 16: return gather_fixed<16>(job, begin, end);
    default: break;
  }
  if (job.row_bytes <= kSmallRowBytes) {
    gather_small(job, begin, end);
  } else {
    gather_large(job, begin, end);
  }
}

void gather_rows(const GatherJob& job) noexcept {
  const std::size_t bytes = job.count * job.row_bytes;
  if (bytes < kParallelBytes || num_threads() < 2) return gather_part(job, 0, job.count);
  const std::size_t tasks = std::min(job.count, bytes / kChunkBytes);
  parallel_for(tasks, [&job, tasks](std::size_t task) {
    gather_part(job, job.count * task / tasks, job.count * (task + 1) / tasks);
  });
}

}  // namespace fastload
