#include "kernels/lab.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/cpu.h"
#include "kernels/lab_rows.h"

namespace fastload {
namespace {

namespace plain {

#include "kernels/lab_loops.inl"

}  // namespace plain

// sRGB's curve, from levels to linear light and back.
struct Curve {
  std::array<float, 256> light;
  std::array<std::uint8_t, kLightSteps + 1> level;

  Curve() {
    for (std::size_t i = 0; i < light.size(); ++i) {
      const double v = static_cast<double>(i) / 255;
      light[i] = static_cast<float>(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
    }
    for (std::size_t i = 0; i < level.size(); ++i) {
      const double v = static_cast<double>(i) / kLightSteps;
      const double curved = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
      level[i] = static_cast<std::uint8_t>(255 * curved + 0.5);
    }
  }
};

const Curve& curve() {
  static const Curve made;
  return made;
}

}  // namespace

void to_lab(const std::uint8_t* pixels, int channels, int width, LabRow row) {
  const auto& light = curve().light;
  LightRun run;
  for (int begin = 0; begin < width; begin += kLabRun) {
    const int count = std::min(kLabRun, width - begin);
    for (int i = 0; i < count; ++i, pixels += channels) {
      run.red[i] = light[pixels[0]];
      run.green[i] = light[pixels[1]];
      run.blue[i] = light[pixels[2]];
    }
    FASTLOAD_BEST(lab_run, run, count, row.lightness + begin, row.x + begin, row.z + begin);
  }
}

void from_lab(LabRow row, int width, int channels, std::uint8_t* pixels) {
  const auto& level = curve().level;
  StepRun run;
  for (int begin = 0; begin < width; begin += kLabRun) {
    const int count = std::min(kLabRun, width - begin);
    FASTLOAD_BEST(light_run, row.lightness + begin, row.x + begin, row.z + begin, count, &run);
    for (int i = 0; i < count; ++i, pixels += channels) {
      pixels[0] = level[static_cast<std::size_t>(run.red[i])];
      pixels[1] = level[static_cast<std::size_t>(run.green[i])];
      pixels[2] = level[static_cast<std::size_t>(run.blue[i])];
    }
  }
}

}  // namespace fastload
