#include "kernels/uniform_stream.h"

#include <algorithm>
#include <bit>

namespace fastload {
namespace {

// A state takes 2.5 KB: 2.5 MB of them at most, and no more than 0.16 bytes a number.
constexpr std::uint64_t kLeastInterval = std::uint64_t{1} << 14;
constexpr std::uint64_t kMostMarks = 1024;
constexpr std::uint64_t kWordsEach = 2;

// torch joins two 32-bit numbers, the first one being the high half, and keeps the low 53 bits.
double next_uniform(Mt19937& generator) noexcept {
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 53) - 1;
  std::uint32_t halves[kWordsEach];
  generator.fill(halves, kWordsEach);
  const std::uint64_t word = std::uint64_t{halves[0]} << 32 | halves[1];
  return static_cast<double>(word & kMask) * (1.0 / 9007199254740992.0);
}

}  // namespace

UniformStream::UniformStream(const Mt19937& generator, std::uint64_t length)
    : length_(length),
      interval_(std::max(kLeastInterval, std::bit_ceil(length / kMostMarks))),
      end_(generator),
      reader_(generator) {
  marks_.reserve(length / interval_ + 1);
  std::uint64_t position = 0;
  for (; position + interval_ <= length; position += interval_) {
    marks_.push_back(end_);
    end_.skip(kWordsEach * interval_);
  }
  marks_.push_back(end_);
  end_.skip(kWordsEach * (length - position));
}

void UniformStream::go_to(std::uint64_t position) noexcept {
  if (position < position_ || position - position_ > interval_) {
    reader_ = marks_[position / interval_];
    position_ = position / interval_ * interval_;
  }
  reader_.skip(kWordsEach * (position - position_));
  position_ = position;
}

void UniformStream::read(std::uint64_t start, std::uint64_t step, double* out, std::size_t count) noexcept {
  for (std::size_t k = 0; k < count; ++k) {
    go_to(start + k * step);
    out[k] = next_uniform(reader_);
    ++position_;
  }
}

}  // namespace fastload
