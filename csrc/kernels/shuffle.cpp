#include "kernels/shuffle.h"

#include <algorithm>

namespace fastload {
namespace {

// Enough for a cache line to come from memory while the steps before its own are made.
constexpr std::size_t kPrefetchSteps = 32;

// a % b. Exact: with a, b < 2^32 a quotient that is no integer lies at least 1/b below the next one, and rounding
// moves it by no more than 2^-53 of itself, which is less than 2^-21 / b.
inline std::uint32_t remainder(std::uint32_t a, std::uint32_t b) {
  const auto quotient = static_cast<std::uint32_t>(static_cast<std::int64_t>(static_cast<double>(a) / b));
  return a - quotient * b;
}

// Forwards, a word is the index XOR its own position: zeros are the indices in order.
std::uint32_t* narrow(std::byte* memory) { return reinterpret_cast<std::uint32_t*>(memory); }

bool is_forward(std::uint64_t length) { return length < Shuffle::kForwardLimit; }
bool is_narrow(std::uint64_t length) { return length <= 0xffffffffu; }

}  // namespace

std::uint64_t Shuffle::draws(std::uint64_t length) noexcept {
  if (!is_forward(length)) return 2 * length;
  return length == 0 ? 0 : length - 1;
}

std::uint64_t Shuffle::bytes(std::uint64_t length) noexcept { return length * (is_narrow(length) ? 4 : 8); }

Shuffle::Shuffle(std::uint64_t length, const Mt19937& generator, std::byte* memory) noexcept
    : length_(length),
      generator_(generator),
      memory_(memory),
      steps_(is_forward(length) ? draws(length) : length) {}

void Shuffle::draw_targets() noexcept {
  std::array<std::uint32_t, kBlock> drawn;
  target_ = 0;
  target_end_ = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, steps_ - done_));
  generator_.fill(drawn.data(), target_end_);
  const auto first = static_cast<std::uint32_t>(done_), length = static_cast<std::uint32_t>(length_);
  for (std::size_t k = 0; k < target_end_; ++k) {
    const std::uint32_t position = first + static_cast<std::uint32_t>(k);
    targets_[k] = position + remainder(drawn[k], length - position);
  }
}

void Shuffle::draw_wide_targets() noexcept {
  std::array<std::uint32_t, 2 * kBlock> halves;  // of 64-bit numbers, the high one first
  target_ = 0;
  target_end_ = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, steps_ - done_));
  generator_.fill(halves.data(), 2 * target_end_);
  for (std::size_t k = 0; k < target_end_; ++k) {
    const std::uint64_t number = (std::uint64_t{halves[2 * k]} << 32) | halves[2 * k + 1];
    targets_[k] = number % (done_ + k + 1);
  }
}

void Shuffle::swap_forwards(std::size_t steps) noexcept {
  std::uint32_t* words = narrow(memory_);
  for (std::size_t k = 0; k < steps; ++k, ++target_, ++done_) {
    const std::size_t ahead = target_ + kPrefetchSteps;
    if (ahead < target_end_) __builtin_prefetch(words + targets_[ahead], 1);
    const std::uint64_t target = targets_[target_];
    const auto both = static_cast<std::uint32_t>(done_ ^ target);
    const std::uint32_t here = words[done_];
    words[done_] = words[target] ^ both;
    words[target] = here ^ both;
  }
}

template <class Word>
void Shuffle::insert(std::size_t steps) noexcept {
  auto* words = reinterpret_cast<Word*>(memory_);
  for (std::size_t k = 0; k < steps; ++k, ++target_, ++done_) {
    const std::size_t ahead = target_ + kPrefetchSteps;
    if (ahead < target_end_) __builtin_prefetch(words + targets_[ahead], 1);
    const std::uint64_t target = targets_[target_];
    words[done_] = words[target];
    words[target] = static_cast<Word>(done_);
  }
}

bool Shuffle::advance(std::uint64_t positions, std::uint64_t max_steps) noexcept {
  const bool forward = is_forward(length_);
  const std::size_t word_bytes = is_narrow(length_) ? 4 : 8;
  const std::uint64_t wanted = forward ? std::min(positions, steps_) : steps_;
  const std::uint64_t stop = done_ + std::min(max_steps, wanted - std::min(wanted, done_));
  while (done_ < stop) {
    if (target_ == target_end_) {
      forward ? draw_targets() : draw_wide_targets();
      const std::size_t first = std::min(kPrefetchSteps, target_end_);
      for (std::size_t k = 0; k < first; ++k) __builtin_prefetch(memory_ + word_bytes * targets_[k], 1);
    }
    const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(target_end_ - target_, stop - done_));
    if (forward) {
      swap_forwards(run);
    } else if (is_narrow(length_)) {
      insert<std::uint32_t>(run);
    } else {
      insert<std::uint64_t>(run);
    }
  }
  return done_ >= wanted;
}

void Shuffle::read(std::uint64_t start, std::uint64_t step, std::size_t count, std::int64_t* out) const noexcept {
  const auto* words = reinterpret_cast<const std::uint32_t*>(memory_);
  const auto* wide = reinterpret_cast<const std::uint64_t*>(memory_);
  const bool forward = is_forward(length_);
  const bool is_wide = !is_narrow(length_);
  for (std::size_t k = 0; k < count; ++k) {
    const std::uint64_t at = start + k * step;
    out[k] = static_cast<std::int64_t>(is_wide ? wide[at] : words[at] ^ (forward ? static_cast<std::uint32_t>(at) : 0));
  }
}

}  // namespace fastload
