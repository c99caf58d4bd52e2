#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "kernels/feistel.h"
#include "kernels/mt19937.h"
#include "kernels/shuffle.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Indices = std::vector<std::int64_t>;

// The standard library's is the reference: the same algorithm, the same seeding.
void the_generator_is_the_mersenne_twister() {
  for (const std::uint32_t seed : {0u, 1u, 5489u, 0xffffffffu}) {
    std::mt19937 reference(seed);
    Mt19937 ours(seed + (std::uint64_t{7} << 32));
    for (const std::size_t count : {1, 622, 1, 1, 623, 624, 625, 3000}) {
      std::vector<std::uint32_t> numbers(count);
      ours.fill(numbers.data(), count);
      for (const std::uint32_t number : numbers) CHECK(number == reference());
    }
  }
}

void skipping_is_drawing() {
  for (const std::uint64_t count : {0, 1, 623, 624, 625, 1247, 1248, 1249, 100'000}) {
    Mt19937 skipped(3), drawn(3);
    std::vector<std::uint32_t> numbers(count);
    skipped.skip(count);
    drawn.fill(numbers.data(), count);
    CHECK(skipped == drawn);
  }
}

void a_state_goes_through_its_bytes() {
  std::vector<std::byte> state(Mt19937::kTorchStateBytes);
  const std::int32_t seeded = 1;
  std::memcpy(state.data() + 12, &seeded, 4);
  for (const std::uint64_t count : {1, 2, 623, 624, 625}) {
    Mt19937 generator(9);
    generator.skip(count);
    generator.write_torch_state(state.data());
    CHECK(Mt19937::from_torch_state(state.data(), state.size()) == generator);
  }
  CHECK_THROWS(Mt19937::from_torch_state(state.data(), state.size() - 1), std::invalid_argument);
  const std::int32_t left = 700;
  std::memcpy(state.data() + 8, &left, 4);
  CHECK_THROWS(Mt19937::from_torch_state(state.data(), state.size()), std::invalid_argument);
}

// Memory of exactly as many bytes as are asked for, so that a sanitizer sees what is touched beyond.
Indices shuffled_in_steps(std::uint64_t length, std::uint64_t piece) {
  std::vector<std::uint64_t> memory((Shuffle::bytes(length) + 7) / 8);
  Shuffle shuffle(length, Mt19937(1), reinterpret_cast<std::byte*>(memory.data()));
  Indices all(length);
  for (std::uint64_t start = 0; start < length; start += piece) {
    const std::uint64_t stop = std::min(length, start + piece);
    while (!shuffle.advance(stop, 100)) continue;
    shuffle.read(start, 1, stop - start, all.data() + start);
  }
  return all;
}

void a_shuffle_is_one_whatever_the_pieces() {
  for (const std::uint64_t length : {0, 1, 2, 3, 31, 33, 623, 624, 625, 626, 5000}) {
    Indices whole = shuffled_in_steps(length, std::max<std::uint64_t>(1, length));
    for (const std::uint64_t piece : {1, 7, 32, 700}) CHECK(shuffled_in_steps(length, piece) == whole);
    std::sort(whole.begin(), whole.end());
    for (std::uint64_t i = 0; i < length; ++i) CHECK(whole[i] == static_cast<std::int64_t>(i));
  }
}

void every_keyed_permutation_is_one() {
  for (std::uint64_t length = 1; length <= 2000; ++length) {
    Indices order(2 * length + 5);
    keyed_permutation(length, length * 77, 0, 1, order.size(), order.data());
    for (const std::uint64_t pass : {0, 1}) {
      Indices part(order.begin() + static_cast<std::ptrdiff_t>(pass * length),
                   order.begin() + static_cast<std::ptrdiff_t>((pass + 1) * length));
      std::sort(part.begin(), part.end());
      for (std::uint64_t i = 0; i < length; ++i) CHECK(part[i] == static_cast<std::int64_t>(i));
    }
  }
}

void keyed_orders_may_be_read_anywhere() {
  using Order = void (*)(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::size_t, std::int64_t*);
  for (const Order order : {static_cast<Order>(keyed_permutation), static_cast<Order>(keyed_draws)}) {
    for (const std::uint64_t length : {1, 5, 256, 257, 1000, 4096}) {
      Indices whole(3000);
      order(length, 42, 0, 1, whole.size(), whole.data());
      for (const auto& [start, step] : {std::pair{0, 1}, {1, 2}, {17, 5}, {999, 1001}, {2999, 7}}) {
        Indices part(static_cast<std::size_t>((3000 - start + step - 1) / step));
        order(length, 42, static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(step), part.size(),
              part.data());
        for (std::size_t k = 0; k < part.size(); ++k) {
          CHECK(part[k] == whole[static_cast<std::size_t>(start) + k * static_cast<std::size_t>(step)]);
        }
      }
    }
  }
}

void the_longest_keyed_order_stays_inside() {
  Indices order(1000);
  for (const auto function : {keyed_permutation, keyed_draws}) {
    function(kLongestKeyedOrder, 3, kLongestKeyedOrder - 500, 1, order.size(), order.data());
    for (const std::int64_t index : order) {
      CHECK(index >= 0 && static_cast<std::uint64_t>(index) < kLongestKeyedOrder);
    }
  }
}

}  // namespace

int main() {
  the_generator_is_the_mersenne_twister();
  skipping_is_drawing();
  a_state_goes_through_its_bytes();
  a_shuffle_is_one_whatever_the_pieces();
  every_keyed_permutation_is_one();
  keyed_orders_may_be_read_anywhere();
  the_longest_keyed_order_stays_inside();
}
