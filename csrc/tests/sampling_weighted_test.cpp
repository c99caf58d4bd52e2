// Weighted draws against what they are made from: exact shares, plain searches, sums added anew.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/alias_table.h"
#include "kernels/class_passes.h"
#include "kernels/counter_random.h"
#include "kernels/inverse_cdf.h"
#include "kernels/uniform_stream.h"
#include "kernels/weight_check.h"
#include "kernels/weight_tree.h"
#include "kernels/weighted_keys.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Doubles = std::vector<double>;
using Indices = std::vector<std::int64_t>;

// Some weights of every scale, zeros among them, first and last ones too.
Doubles uneven_weights(std::size_t count, std::uint64_t key) {
  const CounterRandom random(key);
  Doubles weights(count);
  for (std::size_t k = 0; k < count; ++k) {
    const double scale = std::ldexp(1.0, static_cast<int>(random.word(2 * k) % 20));
    weights[k] = random.word(2 * k) % 5 == 0 ? 0 : random.uniform(2 * k + 1) * scale;
  }
  weights[count / 2] = 1;
  return weights;
}

// Counts as far from their expectation as one draw in a million would be.
bool fits(const Doubles& weights, const Indices& drawn) {
  double sum = 0, distance = 0, degrees = -1;
  for (const double weight : weights) sum += weight;
  Doubles counts(weights.size());
  for (const std::int64_t index : drawn) counts[static_cast<std::size_t>(index)] += 1;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double expected = weights[k] / sum * static_cast<double>(drawn.size());
    if (expected == 0 && counts[k] != 0) return false;
    if (expected < 10) continue;
    distance += (counts[k] - expected) * (counts[k] - expected) / expected;
    degrees += 1;
  }
  if (degrees < 1) return true;
  const double spread = 2 / (9 * degrees);
  return distance < degrees * std::pow(1 - spread + 4.76 * std::sqrt(spread), 3);
}

void bad_weights_are_found() {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {-1.0, infinity, -infinity, nan, -5e-324}) {
    for (const std::size_t at : {0, 4095, 4096, 9999}) {
      Doubles weights(10'000, 1.0);
      weights[at] = bad;
      CHECK(check_weights(weights.data(), weights.size()).first_bad == at);
    }
  }
  const Doubles good{0, 1, -0.0, 1e308, 5e-324};
  CHECK(check_weights(good.data(), good.size()).first_bad == 5);
  CHECK(check_weights(good.data(), good.size()).positive == 3);
  CHECK(check_weights(nullptr, 0).first_bad == 0);
}

void alias_draws_fit_their_weights() {
  std::vector<Doubles> all{{1}, {0, 3}, {3, 0}, {1, 1, 1}, {1e-320, 3e-320}, {1e308, 1.7e308, 1.7e308}, {1, 1e-300},
                           {1, -0.0, 1, 2}, {-0.0, 3}};
  for (const std::size_t count : {2, 3, 31, 32, 33, 1000}) all.push_back(uneven_weights(count, count));
  for (const Doubles& weights : all) {
    const AliasTable table(weights.data(), weights.size());
    Indices drawn(300'000);
    table.draw(7, 0, 1, drawn.data(), drawn.size());
    const double largest = *std::max_element(weights.begin(), weights.end());
    Doubles scaled = weights;
    for (double& weight : scaled) weight /= largest;
    CHECK(fits(scaled, drawn));
  }
}

void alias_draws_are_the_same_from_any_position() {
  const Doubles weights = uneven_weights(100, 1);
  const AliasTable table(weights.data(), weights.size());
  Indices whole(1000), part(100);
  table.draw(3, 0, 1, whole.data(), whole.size());
  table.draw(3, 17, 9, part.data(), part.size());
  for (std::size_t k = 0; k < part.size(); ++k) CHECK(part[k] == whole[17 + 9 * k]);
}

void the_guided_search_finds_what_a_plain_one_does() {
  for (const std::size_t count : {1, 2, 3, 5, 64, 65, 1000}) {
    Doubles weights = uneven_weights(count, count + 100);
    weights[0] = weights[count - 1] = count > 2 ? 0 : 1;
    Doubles shares(count);
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) shares[k] = sum += weights[k];
    for (double& share : shares) share /= sum;
    shares.back() = 1;
    Doubles uniforms{0, 0.25, 0.5, 1 - 1.0 / 9007199254740992.0};
    for (const double share : shares) {
      if (share < 1) uniforms.insert(uniforms.end(), {share, std::nextafter(share, 0.0), std::nextafter(share, 2.0)});
    }
    std::erase_if(uniforms, [](double uniform) { return uniform >= 1; });
    for (std::uint64_t k = 0; k < 1000; ++k) uniforms.push_back(CounterRandom(5).uniform(k));
    const InverseCdf cdf(weights.data(), count);
    CHECK(cdf.valid());
    Indices found(uniforms.size());
    cdf.find(uniforms.data(), found.data(), found.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      CHECK(found[k] == std::lower_bound(shares.begin(), shares.end(), uniforms[k]) - shares.begin());
    }
  }
  const Doubles huge{1e308, 1e308};
  CHECK(!InverseCdf(huge.data(), huge.size()).valid());
}

void a_changed_tree_is_the_tree_of_the_changed_weights() {
  for (const std::size_t count : {1, 15, 16, 17, 256, 257, 5000}) {
    Doubles weights = uneven_weights(count, count);
    WeightTree tree(weights.data(), count);
    const CounterRandom random(count);
    for (std::uint64_t k = 0; k < 3000; ++k) {
      const auto index = static_cast<std::int64_t>(random.word(3 * k) % count);
      const double scale = k < 2500 ? 1e30 : 1;
      const double weight = random.word(3 * k + 1) % 4 == 0 ? 0 : random.uniform(3 * k + 2) * scale;
      weights[static_cast<std::size_t>(index)] = weight;
      tree.update(&index, &weight, 1);
    }
    CHECK(tree.total() == WeightTree(weights.data(), count).total());
    Indices all(count);
    for (std::size_t k = 0; k < count; ++k) all[k] = static_cast<std::int64_t>(k);
    weights = uneven_weights(count, count + 1);
    tree.update(all.data(), weights.data(), count / 2);
    tree.update(all.data() + count / 2, weights.data() + count / 2, count - count / 2);
    const WeightTree fresh(weights.data(), count);
    CHECK(tree.total() == fresh.total());
    Doubles uniforms(100'000);
    for (std::uint64_t k = 0; k < uniforms.size(); ++k) uniforms[k] = random.uniform(k);
    uniforms[0] = 0;
    uniforms[1] = 1 - 1.0 / 9007199254740992.0;
    Indices drawn(uniforms.size()), expected(uniforms.size());
    tree.find(uniforms.data(), drawn.data(), drawn.size());
    fresh.find(uniforms.data(), expected.data(), drawn.size());
    CHECK(drawn == expected);
    CHECK(fits(weights, drawn));
  }
}

void a_tree_never_finds_a_zero() {
  const Doubles uniforms{0, 1 - 0x1p-53};
  for (std::uint64_t key = 0; key < 2000; ++key) {
    // The sums are rounded: the last target may lie at the end of what is left, or past it.
    const CounterRandom random(key);
    Doubles weights(1 + key % 300);
    for (std::size_t k = key % 7; k < weights.size() * 2 / 3; ++k) weights[k] = random.uniform(k);
    const auto last = std::find_if(weights.rbegin(), weights.rend(), [](double weight) { return weight > 0; });
    if (last == weights.rend()) continue;
    const WeightTree tree(weights.data(), weights.size());
    Indices drawn(uniforms.size());
    tree.find(uniforms.data(), drawn.data(), drawn.size());
    for (const std::int64_t index : drawn) CHECK(weights.at(static_cast<std::size_t>(index)) > 0);
    CHECK(drawn[1] == weights.rend() - last - 1);
  }
}

void draws_without_replacement_do_not_depend_on_threads() {
  const std::size_t size = (std::size_t{1} << 20) + 77;
  const Doubles weights = uneven_weights(size, 4);
  const Indices most = smallest_keys(weights.data(), size, 9, size / 2);
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, size / 2}) {
    set_num_threads(1);
    const Indices one = smallest_keys(weights.data(), size, 9, count);
    set_num_threads(4);
    CHECK(smallest_keys(weights.data(), size, 9, count) == one);
    set_num_threads(1);
    CHECK(one.size() == count);
    CHECK(std::equal(one.begin(), one.end(), most.begin()));
    for (const std::int64_t index : one) CHECK(weights[static_cast<std::size_t>(index)] > 0);
    Indices sorted = one;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  }
}

void weights_of_any_scale_are_drawn_without_replacement() {
  for (const Doubles& weights : {Doubles{5e-324, 1e-320, 0, 3e-322}, Doubles{1e308, 0, 1e-308, 1.7e308}}) {
    const Indices drawn = smallest_keys(weights.data(), weights.size(), 1, 3);
    CHECK(drawn.size() == 3);
    for (const std::int64_t index : drawn) CHECK(weights[static_cast<std::size_t>(index)] > 0);
  }
}

void a_stream_is_the_same_from_any_position() {
  for (const std::uint64_t length : {1, 2, 311, 16'384, 16'385, 50'000}) {
    Mt19937 generator(5);
    generator.skip(101);
    UniformStream stream(generator, length);
    Doubles whole(length);
    for (double& value : whole) {
      std::uint32_t halves[2];
      generator.fill(halves, 2);
      value = static_cast<double>(std::uint64_t{halves[0] & 0x1fffff} << 32 | halves[1]) * 0x1p-53;
    }
    CHECK(stream.end() == generator);
    for (const std::uint64_t start : {length - 1, std::uint64_t{0}, length / 2, length / 3}) {
      for (const std::uint64_t step : {1, 7, 20'000}) {
        Doubles part((length - start + step - 1) / step);
        stream.read(start, step, part.data(), part.size());
        for (std::size_t k = 0; k < part.size(); ++k) CHECK(part[k] == whole[start + k * step]);
      }
    }
  }
}

void members_take_turns() {
  const Indices sizes{1, 3, 300};
  Indices taken(3), classes, out;
  for (std::int64_t k = 0; k < 1800; ++k) classes.push_back(k % 3);
  out.resize(classes.size());
  take_members(2, classes.data(), sizes.data(), taken.data(), out.data(), out.size());
  CHECK((taken == Indices{600, 600, 600}));
  for (std::size_t drawn = 0; drawn < 3; ++drawn) {
    Indices counts(static_cast<std::size_t>(sizes[drawn]));
    for (std::size_t k = drawn; k < out.size(); k += 3) ++counts[static_cast<std::size_t>(out[k])];
    for (const std::int64_t count : counts) CHECK(count == 600 / sizes[drawn]);
  }
}

}  // namespace

int main() {
  bad_weights_are_found();
  alias_draws_fit_their_weights();
  alias_draws_are_the_same_from_any_position();
  the_guided_search_finds_what_a_plain_one_does();
  a_changed_tree_is_the_tree_of_the_changed_weights();
  a_tree_never_finds_a_zero();
  draws_without_replacement_do_not_depend_on_threads();
  weights_of_any_scale_are_drawn_without_replacement();
  a_stream_is_the_same_from_any_position();
  members_take_turns();
}
