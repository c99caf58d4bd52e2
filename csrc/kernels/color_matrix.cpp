#include "kernels/color_matrix.h"

#include <algorithm>
#include <cmath>

#include "core/luminance.h"

namespace fastload {
namespace {

constexpr double kAlmost = 1e-6;
constexpr double kMostLevels = 8192;  // of a constant: sums stay far within 32 bits

bool is_near(double a, double b) { return std::abs(a - b) < kAlmost; }

}  // namespace

ColorMatrix line_matrix(double slope, double offset) noexcept {
  return {{{slope, 0, 0, offset}, {0, slope, 0, offset}, {0, 0, slope, offset}}};
}

ColorMatrix saturation_matrix(double factor) noexcept {
  ColorMatrix made = line_matrix(factor, 0);
  for (auto& row : made.m) {
    for (int c = 0; c < 3; ++c) row[c] += (1 - factor) * kLuminance[c] / 65536;
  }
  return made;
}

ColorMatrix permutation_matrix(const int order[3]) noexcept {
  ColorMatrix made{};
  for (int c = 0; c < 3; ++c) made.m[c][order[c]] = 1;
  return made;
}

ColorMatrix composed(const ColorMatrix& first, const ColorMatrix& then) noexcept {
  ColorMatrix made;
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 4; ++column) {
      double sum = column == 3 ? then.m[row][3] : 0;
      for (int c = 0; c < 3; ++c) sum += then.m[row][c] * first.m[c][column];
      made.m[row][column] = sum;
    }
  }
  return made;
}

bool keeps_range(const ColorMatrix& matrix) noexcept {
  return std::all_of(std::begin(matrix.m), std::end(matrix.m), [](const auto& row) {
    double least = row[3], most = row[3];
    for (int c = 0; c < 3; ++c) (row[c] < 0 ? least : most) += 255 * row[c];
    return least > -kAlmost && most < 255 + kAlmost;
  });
}

bool is_whole(const ColorMatrix& matrix) noexcept {
  return std::all_of(std::begin(matrix.m), std::end(matrix.m), [](const auto& row) {
    return std::all_of(std::begin(row), std::end(row), [](double part) { return is_near(part, std::nearbyint(part)); });
  });
}

bool is_turn(const ColorMatrix& matrix) noexcept {
  return is_whole(matrix) && keeps_range(matrix) && std::all_of(std::begin(matrix.m), std::end(matrix.m), [](const auto& row) {
    return is_near(std::abs(row[0]) + std::abs(row[1]) + std::abs(row[2]), 1);
  });
}

std::optional<ColorMix> mix_of(const ColorMatrix& matrix) noexcept {
  constexpr double kOne = 1 << kMixBits, kMostWeight = 32767;
  ColorMix mix;
  for (int row = 0; row < 3; ++row) {
    for (int c = 0; c < 3; ++c) {
      const double weight = std::nearbyint(matrix.m[row][c] * kOne);
      if (!(std::abs(weight) <= kMostWeight)) return std::nullopt;
      mix.weights[row][c] = static_cast<std::int16_t>(weight);
    }
    const double constant = matrix.m[row][3] + kMixNudge;
    if (!(std::abs(constant) < kMostLevels)) return std::nullopt;
    mix.constants[row] = static_cast<std::int32_t>(std::nearbyint(constant * kOne));
  }
  return mix;
}

}  // namespace fastload
