#include "kernels/tone.h"

#include <algorithm>
#include <cmath>

namespace fastload {
namespace {

std::uint8_t limited(double level) { return static_cast<std::uint8_t>(std::clamp(level, 0.0, 255.0)); }

template <class Function>
LevelTable same_for_all(Function function) {
  LevelTable table;
  for (int level = 0; level < 256; ++level) table[0][static_cast<std::size_t>(level)] = function(level);
  table[1] = table[2] = table[0];
  return table;
}

// Pillow's blend, whose floats are of 32 bits, and which rounds down.
std::uint8_t blended(double from, double to, double factor) {
  const auto f = static_cast<float>(factor);
  return limited(static_cast<float>(from) + f * (static_cast<float>(to) - static_cast<float>(from)));
}

}  // namespace

LevelTable identity_table() noexcept {
  return same_for_all([](int level) { return static_cast<std::uint8_t>(level); });
}

LevelTable brightness_table(double factor) noexcept {
  return same_for_all([=](int level) { return blended(0, level, factor); });
}

LevelTable contrast_table(double factor, double middle) noexcept {
  const double mean = std::floor(middle + 0.5);
  return same_for_all([=](int level) { return blended(mean, level, factor); });
}

LevelTable linear_table(double slope, double offset) noexcept {
  return same_for_all([=](int level) { return limited(std::floor(slope * level + offset + 0.5)); });
}

LevelTable gamma_table(double gamma, double gain) noexcept {
  // A power by the logarithm, which is the same for every image, takes half the time.
  static const auto logarithms = [] {
    std::array<double, 256> made{};
    for (int level = 0; level < 256; ++level) made[static_cast<std::size_t>(level)] = std::log(level / 255.0);
    return made;
  }();
  if (gamma == 0) return same_for_all([=](int) { return limited((256 - 1e-3) * gain); });
  return same_for_all([=](int level) {
    return limited((256 - 1e-3) * gain * std::exp(gamma * logarithms[static_cast<std::size_t>(level)]));
  });
}

LevelTable invert_table() noexcept {
  return same_for_all([](int level) { return static_cast<std::uint8_t>(255 - level); });
}

LevelTable posterize_table(int bits) noexcept {
  const int mask = 0xff & ~((1 << (8 - std::clamp(bits, 0, 8))) - 1);
  return same_for_all([=](int level) { return static_cast<std::uint8_t>(level & mask); });
}

LevelTable solarize_table(double threshold) noexcept {
  return same_for_all([=](int level) { return static_cast<std::uint8_t>(level < threshold ? level : 255 - level); });
}

LevelTable autocontrast_table(const Histogram& histogram) noexcept {
  LevelTable table = identity_table();
  for (std::size_t c = 0; c < 3; ++c) {
    const auto& counts = histogram[c];
    int low = 0, high = 255;
    while (low < 255 && counts[static_cast<std::size_t>(low)] == 0) ++low;
    while (high > 0 && counts[static_cast<std::size_t>(high)] == 0) --high;
    if (high <= low) continue;
    const double scale = 255.0 / (high - low), offset = -low * scale;
    for (int level = 0; level < 256; ++level) table[c][static_cast<std::size_t>(level)] = limited(level * scale + offset);
  }
  return table;
}

LevelTable equalize_table(const Histogram& histogram) noexcept {
  LevelTable table = identity_table();
  for (std::size_t c = 0; c < 3; ++c) {
    const auto& counts = histogram[c];
    std::int64_t all = 0, last = 0;
    int used = 0;
    for (const std::int64_t count : counts) {
      all += count;
      if (count != 0) {
        last = count;
        ++used;
      }
    }
    const std::int64_t step = (all - last) / 255;
    if (used <= 1 || step == 0) continue;
    std::int64_t sum = step / 2;
    for (std::size_t level = 0; level < 256; ++level) {
      table[c][level] = static_cast<std::uint8_t>(std::min<std::int64_t>(sum / step, 255));
      sum += counts[level];
    }
  }
  return table;
}

LevelTable composed(const LevelTable& first, const LevelTable& then) noexcept {
  LevelTable table;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t level = 0; level < 256; ++level) table[c][level] = then[c][first[c][level]];
  }
  return table;
}

}  // namespace fastload
