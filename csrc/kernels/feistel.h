// Random orders that are functions of a key and a position: no memory, and every position at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

// The longest order: its indices are int64, and halves of a position fit 32 bits.
constexpr std::uint64_t kLongestKeyedOrder = std::uint64_t{1} << 62;

// out[k] = the index at position start + k * step of an order in which every run of positions
// [pass * length, (pass + 1) * length) is a permutation of range(length) of its own. 1 <= length <= kLongestKeyedOrder.
void keyed_permutation(std::uint64_t length, std::uint64_t key, std::uint64_t start, std::uint64_t step,
                       std::size_t count, std::int64_t* out) noexcept;

// out[k] = the independent draw from range(length) at position start + k * step. Same limits.
void keyed_draws(std::uint64_t length, std::uint64_t key, std::uint64_t start, std::uint64_t step, std::size_t count,
                 std::int64_t* out) noexcept;

}  // namespace fastload
