// Colours as CIELAB has them, of sRGB under D65: a lightness, and how far X and Z are from Y.
#pragma once

#include <cstdint>
#include <vector>

namespace fastload {

// A row of pixels. With f as CIELAB defines it: lightness is 116 f(Y) - 16, in [0, 255] for [0, 100], to the nearest;
// x is f(X) - f(Y), z is f(Z) - f(Y). Within 1e-4 of the exact f.
struct LabRow {
  std::uint8_t* lightness;
  float *x, *z;
};

void to_lab(const std::uint8_t* pixels, int channels, int width, LabRow row);

// The colours of that lightness, x and z, those out of range cut off. Within a level of the exact ones.
void from_lab(LabRow row, int width, int channels, std::uint8_t* pixels);

}  // namespace fastload
