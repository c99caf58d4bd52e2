// The loops of CIELAB for AVX2: see lab_loops.inl.
#pragma once

#include <cstdint>

namespace fastload {

constexpr int kLabRun = 256;      // pixels at a time
constexpr int kLightSteps = 16384;  // of linear light, in the table of its levels

struct LightRun {  // linear light, in [0, 1]
  float red[kLabRun], green[kLabRun], blue[kLabRun];
};
struct StepRun {  // the same in steps
  std::int32_t red[kLabRun], green[kLabRun], blue[kLabRun];
};

namespace avx2 {
void lab_run(const LightRun& light, int count, std::uint8_t* lightness, float* x, float* z) noexcept;
void light_run(const std::uint8_t* lightness, const float* x, const float* z, int count, StepRun* steps) noexcept;
}  // namespace avx2

}  // namespace fastload
