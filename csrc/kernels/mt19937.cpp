#include "kernels/mt19937.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace fastload {
namespace {

constexpr std::size_t kFar = 397;

// Where the parts of torch's state lie, in bytes.
constexpr std::size_t kLeft = 8;
constexpr std::size_t kSeeded = 12;
constexpr std::size_t kNext = 16;
constexpr std::size_t kStateWords = 24;

inline std::uint32_t twisted(std::uint32_t word, std::uint32_t next, std::uint32_t far) {
  const std::uint32_t joined = (word & 0x80000000u) | (next & 0x7fffffffu);
  return far ^ (joined >> 1) ^ ((0u - (next & 1u)) & 0x9908b0dfu);
}

inline std::uint32_t tempered(std::uint32_t word) {
  word ^= word >> 11;
  word ^= (word << 7) & 0x9d2c5680u;
  word ^= (word << 15) & 0xefc60000u;
  return word ^ (word >> 18);
}

template <class T>
T read_at(const std::byte* bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

template <class T>
void write_at(std::byte* bytes, std::size_t offset, T value) {
  std::memcpy(bytes + offset, &value, sizeof value);
}

}  // namespace

Mt19937::Mt19937(std::uint64_t seed) noexcept {
  words_[0] = static_cast<std::uint32_t>(seed);
  for (std::uint32_t i = 1; i < kWords; ++i) {
    words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
  }
}

void Mt19937::twist() noexcept {
  std::uint32_t* words = words_.data();
  for (std::size_t i = 0; i < kWords - kFar; ++i) words[i] = twisted(words[i], words[i + 1], words[i + kFar]);
  for (std::size_t i = kWords - kFar; i < kWords - 1; ++i) {
    words[i] = twisted(words[i], words[i + 1], words[i - (kWords - kFar)]);
  }
  words[kWords - 1] = twisted(words[kWords - 1], words[0], words[kFar - 1]);
  used_ = 0;
}

void Mt19937::fill(std::uint32_t* out, std::size_t count) noexcept {
  while (count != 0) {
    if (used_ == kWords) twist();
    const std::size_t run = std::min(count, kWords - used_);
    const std::uint32_t* from = words_.data() + used_;
    for (std::size_t i = 0; i < run; ++i) out[i] = tempered(from[i]);
    used_ += run;
    out += run;
    count -= run;
  }
}

void Mt19937::skip(std::uint64_t count) noexcept {
  while (count > kWords - used_) {
    count -= kWords - used_;
    twist();
  }
  used_ += count;
}

Mt19937 Mt19937::from_torch_state(const std::byte* state, std::size_t bytes) {
  if (bytes != kTorchStateBytes) {
    throw std::invalid_argument("the state of a CPU torch.Generator has " + std::to_string(kTorchStateBytes) +
                                " bytes, got " + std::to_string(bytes));
  }
  const auto left = read_at<std::int32_t>(state, kLeft);
  const auto next = read_at<std::uint64_t>(state, kNext);
  const bool all_used = left == 1;  // next is 0 after seeding, 624 later on
  if (left < 1 || left > static_cast<std::int32_t>(kWords) || read_at<std::int32_t>(state, kSeeded) != 1 ||
      (!all_used && next + static_cast<std::uint64_t>(left) != kWords + 1)) {
    throw std::invalid_argument("these bytes are not the state of a CPU torch.Generator");
  }
  Mt19937 generator;
  generator.used_ = all_used ? kWords : static_cast<std::size_t>(next);
  for (std::size_t i = 0; i < kWords; ++i) {
    generator.words_[i] = static_cast<std::uint32_t>(read_at<std::uint64_t>(state, kStateWords + 8 * i));
  }
  return generator;
}

void Mt19937::write_torch_state(std::byte* state) const noexcept {
  write_at(state, kLeft, static_cast<std::int32_t>(kWords + 1 - used_));
  write_at(state, kNext, static_cast<std::uint64_t>(used_));
  for (std::size_t i = 0; i < kWords; ++i) write_at(state, kStateWords + 8 * i, std::uint64_t{words_[i]});
}

}  // namespace fastload
