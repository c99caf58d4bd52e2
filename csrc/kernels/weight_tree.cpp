#include "kernels/weight_tree.h"

#include <algorithm>
#include <numeric>

namespace fastload {
namespace {

constexpr std::size_t kChildren = 16;  // two cache lines of sums
// When this part of the weights changes at once, going through all sums is less work than through each path.
constexpr std::size_t kRebuildPart = 8;
constexpr std::size_t kBatch = 32;  // draws whose nodes are asked for from memory at the same time

std::size_t padded(std::size_t count) noexcept { return (count + kChildren - 1) / kChildren * kChildren; }

double sum_of(const std::vector<double>& level, std::size_t node) noexcept {
  const double* first = level.data() + node * kChildren;
  return std::accumulate(first, first + kChildren, 0.0);
}

// Which of the 16 sums the target lies in; it becomes what it is beyond those before.
std::size_t child_at(const double* sums, double* target) noexcept {
  std::size_t child = 0;
  while (child < kChildren && *target >= sums[child]) *target -= sums[child++];
  if (child == kChildren) {  // the subtractions were rounded past the end: it is the last one that has any weight
    while (child > 1 && sums[child - 1] == 0) --child;
    *target = sums[--child];
  }
  return child;
}

}  // namespace

WeightTree::WeightTree(const double* weights, std::size_t count) : size_(count) {
  levels_.emplace_back(padded(std::max<std::size_t>(count, 1)));
  std::copy(weights, weights + count, levels_[0].begin());
  while (levels_.back().size() > kChildren) levels_.emplace_back(padded(levels_.back().size() / kChildren));
  sum_all();
}

void WeightTree::sum_up(std::size_t level, std::size_t node) noexcept {
  levels_[level][node] = sum_of(levels_[level - 1], node);
}

void WeightTree::sum_all() noexcept {
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    for (std::size_t node = 0; node < levels_[level - 1].size() / kChildren; ++node) sum_up(level, node);
  }
  total_ = sum_of(levels_.back(), 0);
}

void WeightTree::update(const std::int64_t* indices, const double* weights, std::size_t count) noexcept {
  const bool many = count > size_ / kRebuildPart;
  for (std::size_t k = 0; k < count; ++k) {
    auto node = static_cast<std::size_t>(indices[k]);
    levels_[0][node] = weights[k];
    for (std::size_t level = 1; !many && level < levels_.size(); ++level) sum_up(level, node /= kChildren);
  }
  if (many) return sum_all();
  total_ = sum_of(levels_.back(), 0);
}

void WeightTree::find(const double* uniforms, std::int64_t* out, std::size_t count) const noexcept {
  std::size_t node[kBatch];
  double target[kBatch];
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    const std::size_t batch = std::min(kBatch, count - begin);
    std::fill_n(node, batch, 0);
    std::transform(uniforms + begin, uniforms + begin + batch, target, [this](double u) { return u * total_; });
    for (std::size_t level = levels_.size(); level-- > 0;) {
      for (std::size_t k = 0; k < batch; ++k) {
        node[k] = node[k] * kChildren + child_at(levels_[level].data() + node[k] * kChildren, &target[k]);
        if (level > 0) {
          const double* next = levels_[level - 1].data() + node[k] * kChildren;
          __builtin_prefetch(next);
          __builtin_prefetch(next + kChildren / 2);
        }
      }
    }
    std::transform(node, node + batch, out + begin, [](std::size_t index) { return static_cast<std::int64_t>(index); });
  }
}

}  // namespace fastload
