// Which vector instructions the kernels may use: what this processor has, and no more than a test allows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

enum class Simd : std::uint8_t { kScalar, kAvx2, kAvx512 };

// kAvx2: with FMA, BMI and BMI2. kAvx512: with the byte permutes and dot products of Ice Lake, Zen 4 and later.
Simd simd() noexcept;

// For tests: the best that is not above `most`.
void limit_simd(Simd most) noexcept;

// From how many bytes on values are better written past the caches, which keep what else is at work: those of an image
// that a core's own cache cannot hold, on Intel's processors, from whose shared cache they come and go no faster than from
// memory. Nowhere on others.
std::size_t streamed_bytes() noexcept;

}  // namespace fastload

// The version of a function that the processor has: avx2::function(...), or plain::function(...).
#if defined(__x86_64__)
#define FASTLOAD_BEST(function, ...) \
  (::fastload::simd() != ::fastload::Simd::kScalar ? avx2::function(__VA_ARGS__) : plain::function(__VA_ARGS__))
#else
#define FASTLOAD_BEST(function, ...) plain::function(__VA_ARGS__)
#endif
