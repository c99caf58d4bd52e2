#include "kernels/collate.h"

#include <algorithm>
#include <cstring>

#include "core/thread_pool.h"
#include "kernels/copy.h"

namespace fastload {
namespace {

constexpr std::size_t kThreadedBytes = std::size_t{1} << 20;  // below it, waking a thread costs what it saves
constexpr std::size_t kTaskBytes = std::size_t{512} << 10;    // small enough to share evenly, large enough to stream

void fill(char* dst, std::size_t nbytes, std::size_t itemsize, const unsigned char* value) noexcept {
  if (nbytes < itemsize || itemsize == 0) return;
  if (std::all_of(value, value + itemsize, [value](unsigned char byte) { return byte == value[0]; })) {
    std::memset(dst, value[0], nbytes);
    return;
  }
  std::memcpy(dst, value, itemsize);
  for (std::size_t done = itemsize; done < nbytes;) {  // the filled part doubles, up to pieces that stay in L1
    const std::size_t n = std::min({done, nbytes - done, std::size_t{8192} / itemsize * itemsize});
    std::memcpy(dst + done, dst, n);
    done += n;
  }
}

template <std::size_t kBytes>
void copy_line(char* dst, const char* src, std::int64_t n, std::int64_t dst_step, std::int64_t src_step) noexcept {
  for (std::int64_t i = 0; i < n; ++i) std::memcpy(dst + i * dst_step, src + i * src_step, kBytes);
}

void copy_dims(const BoxJob& job, int dim, char* dst, const char* src) noexcept {
  if (dim == job.dims) return copy_bytes(dst, src, job.run_bytes);
  const std::int64_t n = job.size[dim];
  const std::int64_t dst_step = job.dst_step[dim];
  const std::int64_t src_step = job.src_step[dim];
  if (dim == job.dims - 1) {
    switch (job.run_bytes) {
      case 1: return copy_line<1>(dst, src, n, dst_step, src_step);
      case 2: return copy_line<2>(dst, src, n, dst_step, src_step);
      case 4: return copy_line<4>(dst, src, n, dst_step, src_step);
      case 8: return copy_line<8>(dst, src, n, dst_step, src_step);
      default: break;
    }
  }
  for (std::int64_t i = 0; i < n; ++i) copy_dims(job, dim + 1, dst + i * dst_step, src + i * src_step);
}

}  // namespace

bool make_box(const TensorView& src, void* dst, const std::int64_t* dst_step, BoxJob* job) noexcept {
  *job = {};
  job->dst = static_cast<char*>(dst);
  job->src = static_cast<const char*>(src.data);
  job->run_bytes = static_cast<std::size_t>(src.itemsize);
  std::int64_t size[kMaxDims], to[kMaxDims], from[kMaxDims];  // innermost first
  int dims = 0;
  for (int d = src.ndim - 1; d >= 0; --d) {
    const std::int64_t n = src.shape[d], step = src.strides[d] * src.itemsize;
    if (n == 0) {
      job->run_bytes = 0;
      return true;
    }
    if (n == 1) continue;
    const auto run = static_cast<std::int64_t>(job->run_bytes);
    if (dims == 0 && dst_step[d] == run && step == run) {
      job->run_bytes *= static_cast<std::size_t>(n);
    } else if (dims > 0 && dst_step[d] == to[dims - 1] * size[dims - 1] && step == from[dims - 1] * size[dims - 1]) {
      size[dims - 1] *= n;
    } else {
      size[dims] = n;
      to[dims] = dst_step[d];
      from[dims] = step;
      ++dims;
    }
  }
  if (dims > kBoxDims) return false;
  job->dims = dims;
  for (int d = 0; d < dims; ++d) {
    job->size[d] = size[dims - 1 - d];
    job->dst_step[d] = to[dims - 1 - d];
    job->src_step[d] = from[dims - 1 - d];
  }
  return true;
}

void run_box(const BoxJob& job) noexcept {
  fill(job.dst, job.fill_bytes, job.fill_itemsize, job.fill_value.data());
  if (job.run_bytes != 0) copy_dims(job, 0, job.dst, job.src);
}

void CopyPlan::add(void* dst, const void* src, std::size_t nbytes) {
  copies_.push_back({dst, src, nbytes});
  ends_.push_back((ends_.empty() ? 0 : ends_.back()) + nbytes);
  nbytes_ += nbytes;
}

void CopyPlan::add(const BoxJob& job) {
  boxes_.push_back(job);
  nbytes_ += std::max(job.nbytes(), job.fill_bytes);
}

void CopyPlan::rewind(const Mark& mark) {
  copies_.resize(mark.copies);
  ends_.resize(mark.copies);
  boxes_.resize(mark.boxes);
  nbytes_ = mark.nbytes;
}

void CopyPlan::run_copies_between(std::size_t begin_byte, std::size_t end_byte) const noexcept {
  auto i = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin_byte) - ends_.begin());
  for (; i < copies_.size(); ++i) {
    const CopyJob& job = copies_[i];
    const std::size_t first = ends_[i] - job.nbytes;
    if (first >= end_byte) return;
    const std::size_t from = std::max(begin_byte, first) - first;
    const std::size_t to = std::min(end_byte, ends_[i]) - first;
    copy_bytes(static_cast<char*>(job.dst) + from, static_cast<const char*>(job.src) + from, to - from);
  }
}

void CopyPlan::run() {
  const std::size_t copied = ends_.empty() ? 0 : ends_.back();
  if (nbytes_ < kThreadedBytes) {
    run_copies_between(0, copied);
    for (const BoxJob& job : boxes_) run_box(job);
  } else {
    const std::size_t pieces = (copied + kTaskBytes - 1) / kTaskBytes;
    parallel_for(pieces + boxes_.size(), [&](std::size_t task) {
      if (task < pieces) {
        run_copies_between(task * kTaskBytes, std::min(copied, (task + 1) * kTaskBytes));
      } else {
        run_box(boxes_[task - pieces]);
      }
    });
  }
  rewind({0, 0, 0});
}

}  // namespace fastload
