#include <algorithm>
#include <numeric>

#include "pipeline/group_ops.h"
#include "pipeline/ops.h"
#include "pipeline/sample_stream.h"

namespace fastload {
namespace {

int weighted_member(const std::vector<double>& weights, int count, StepRandom& random) {
  if (weights.empty()) return random.below(count);
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  int last = 0;  // with a weight
  for (int i = 0; i < count; ++i) {
    const double weight = weights[static_cast<std::size_t>(i)];
    if (weight <= 0) continue;
    if (left < weight) return i;
    left -= weight;
    last = i;
  }
  return last;  // rounding
}

}  // namespace

std::vector<int> drawn_members(const Group& group, std::uint64_t key, std::uint64_t stream) {
  StepRandom random(key, stream);
  const int count = static_cast<int>(group.members.size());
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  if (random.uniform() >= group.probability || count == 0) return {};
  if (group.choice == Choice::kAll) return all;
  if (group.choice == Choice::kOne) return {weighted_member(group.weights, count, random)};
  if (group.choice == Choice::kShuffled) {
    for (int i = count - 1; i > 0; --i) std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(random.below(i + 1))]);
    return all;
  }
  const int wanted = group.least + random.below(group.most - group.least + 1);
  std::vector<int> drawn;
  std::vector<double> weights = group.weights;
  if (weights.empty()) weights.assign(static_cast<std::size_t>(count), 1.0);
  while (static_cast<int>(drawn.size()) < wanted) {
    if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight <= 0; })) break;
    drawn.push_back(weighted_member(weights, count, random));
    if (group.choice == Choice::kSome) weights[static_cast<std::size_t>(drawn.back())] = 0;
  }
  if (group.choice == Choice::kSome) std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::uint64_t member_stream(std::uint64_t stream, int turn, int number) noexcept {
  return mix_in(mix_in(stream, static_cast<std::uint64_t>(turn) + 1), static_cast<std::uint64_t>(number));
}

}  // namespace fastload
