// Draws without replacement from any number of weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastload {

// The first `count` indices drawn one after another, each with a chance in proportion to its weight among those that
// are left: the smallest of E_i / w_i in order, E_i being exponentially distributed (Efraimidis and Spirakis,
// "Weighted random sampling with a reservoir", Inf. Process. Lett. 97, 2006). E_i depends on (key, i) alone, so the
// result is the same for any number of threads.
//
// weights: finite, none negative, `count` of them positive at least; only positive ones are drawn.
// Weights more than 2^1000 times smaller than the largest count as equal: they are drawn last, in order of index.
// Works in about 32 bytes for each index that is drawn, and 9 MB beside.
std::vector<std::int64_t> smallest_keys(const double* weights, std::size_t size, std::uint64_t key, std::size_t count);

}  // namespace fastload
