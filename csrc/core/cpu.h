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
