// Which vector instructions the kernels may use: what this processor has, and no more than a test allows.
#pragma once

#include <cstdint>

namespace fastload {

enum class Simd : std::uint8_t { kScalar, kAvx2, kAvx512 };

// kAvx2: with FMA, BMI and BMI2. kAvx512: with the byte permutes and dot products of Ice Lake, Zen 4 and later.
Simd simd() noexcept;

// For tests: the best that is not above `most`.
void limit_simd(Simd most) noexcept;

}  // namespace fastload

// The version of a function that the processor has: avx2::function(...), or plain::function(...).
#if defined(__x86_64__)
#define FASTLOAD_BEST(function, ...) \
  (::fastload::simd() != ::fastload::Simd::kScalar ? avx2::function(__VA_ARGS__) : plain::function(__VA_ARGS__))
#else
#define FASTLOAD_BEST(function, ...) plain::function(__VA_ARGS__)
#endif
