#include "kernels/weighted_keys.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/counter_random.h"

namespace fastload {
namespace {

constexpr std::size_t kTask = std::size_t{1} << 14;
constexpr std::size_t kRound = std::size_t{1} << 20;  // keys made by several threads, then looked through by one

struct Candidate {
  double key;
  std::int64_t index;
  bool operator<(const Candidate& other) const noexcept {
    return key != other.key ? key < other.key : index < other.index;
  }
};

// Exponentially distributed, with 53 bits also where it is near zero: those are the ones that are drawn first.
double exponential(std::uint64_t word) noexcept {
  constexpr double kUnit = 1.0 / 18446744073709551616.0, kBelowOne = 1 - 1.0 / 9007199254740992.0;
  return -std::log1p(-std::min((static_cast<double>(word) + 0.5) * kUnit, kBelowOne));
}

// Weights times a power of two that is too large or too small for one factor.
class Scale {
 public:
  explicit Scale(int exponent)
      : first_(std::ldexp(1.0, exponent / 2)), second_(std::ldexp(1.0, exponent - exponent / 2)) {}
  double operator()(double weight) const noexcept { return weight * first_ * second_; }

 private:
  double first_, second_;
};

// The smallest candidates so far. Those that can no longer be among them are dropped now and then.
class Smallest {
 public:
  Smallest(std::size_t count, std::size_t size) : count_(count), limit_(std::min(2 * count, size) + kTask) {
    candidates_.reserve(limit_);
  }

  void add(Candidate candidate) {
    if (candidate.key > bound_) return;
    candidates_.push_back(candidate);
    if (candidates_.size() == limit_) shrink();
  }

  std::vector<std::int64_t> sorted() {
    shrink();
    std::sort(candidates_.begin(), candidates_.end());
    std::vector<std::int64_t> indices(candidates_.size());
    std::transform(candidates_.begin(), candidates_.end(), indices.begin(),
                   [](const Candidate& candidate) { return candidate.index; });
    return indices;
  }

 private:
  void shrink() {
    if (candidates_.size() <= count_) return;
    const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(count_ - 1);
    std::nth_element(candidates_.begin(), last, candidates_.end());
    bound_ = last->key;
    candidates_.resize(count_);
  }

  std::size_t count_;
  std::size_t limit_;
  double bound_ = std::numeric_limits<double>::infinity();
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<std::int64_t> smallest_keys(const double* weights, std::size_t size, std::uint64_t key, std::size_t count) {
  if (count == 0) return {};
  const CounterRandom random(key);
  // The largest weight becomes some 2^100, so that the quotients stay in range.
  const Scale scale(100 - std::ilogb(*std::max_element(weights, weights + size)));
  Smallest smallest(count, size);
  std::vector<double> keys(std::min(kRound, size));
  for (std::size_t begin = 0; begin < size; begin += kRound) {
    const std::size_t end = std::min(begin + kRound, size);
    parallel_for((end - begin + kTask - 1) / kTask, [&](std::size_t task) {
      const std::size_t from = begin + task * kTask, to = std::min(from + kTask, end);
      for (std::size_t k = from; k < to; ++k) keys[k - begin] = exponential(random.word(k)) / scale(weights[k]);
    });
    for (std::size_t k = begin; k < end; ++k) {
      if (weights[k] > 0) smallest.add({keys[k - begin], static_cast<std::int64_t>(k)});
    }
  }
  return smallest.sorted();
}

}  // namespace fastload
