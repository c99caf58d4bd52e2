// Steps that change colours and leave pixels where they are.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/image_view.h"
#include "pipeline/image_size.h"

namespace fastload {

// What each number of a step means stands beside it.
enum class PixelKind : std::uint8_t {
  kBrightness,    // factor
  kContrast,      // factor
  kSaturation,    // factor
  kHue,           // turns
  kHsv,           // hue (turns), saturation, value (parts of their ranges)
  kLinear,        // slope, offset in levels, whether no level may be cut off (0 or 1)
  kLinearOfMean,  // slope, offset in parts of the mean level, the same
  kGamma,         // exponent, gain
  kInvert,
  kPosterize,     // bits
  kSolarize,      // threshold
  kAutocontrast,
  kEqualize,
  kClahe,         // limit, rows and columns of tiles
  kSharpness,     // factor
  kGaussianBlur,  // taps across and down, sigma
  kMotionBlur,    // pixels, angle (degrees), direction in [-1, 1], whether it is shifted (0 or 1)
  kNoise,         // mean, deviation (levels)
  kJpeg,          // quality
  kPermute,       // which of the six orders of channels
};
constexpr std::size_t kPixelValues = 4;

struct Interval {
  double low = 0, high = 0;
};

// Drawn from the ranges, evenly; with that probability.
struct PixelOp {
  PixelKind kind;
  double probability;
  std::array<Interval, kPixelValues> ranges;
};

// A rectangle of another colour, or of noise. torchvision's RandomErasing: area as a part of the image's, width / height.
struct EraseOp {
  double probability;
  Interval area, ratio;
  Fill fill;
  bool noise;
};
// In parts of the image's side, or in pixels: any whole number of the interval.
struct HoleSide {
  Interval length;
  bool in_pixels;
};
// Albumentations' CoarseDropout: several holes, some of which may have no pixels.
struct DropoutOp {
  double probability;
  int least, most;
  HoleSide height, width;
  Fill fill;
  bool noise;
};

// What is done to one image.
struct PixelMove {
  PixelKind kind;
  std::array<double, kPixelValues> values;
  std::uint64_t key;  // of the noise
};
struct EraseMove {
  std::vector<Region> holes;
  Fill fill;
  bool noise;
  std::uint64_t key;
};

}  // namespace fastload
