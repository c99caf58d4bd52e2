// Tables of levels: brightness, contrast, gamma, and what Pillow's ImageOps makes of a histogram.
#pragma once

#include "kernels/color.h"

namespace fastload {

LevelTable identity_table() noexcept;
LevelTable brightness_table(double factor) noexcept;                 // Pillow's ImageEnhance.Brightness
LevelTable contrast_table(double factor, double middle) noexcept;    // Pillow's ImageEnhance.Contrast, of that mean
LevelTable linear_table(double slope, double offset) noexcept;       // slope * level + offset, rounded to the nearest
LevelTable gamma_table(double gamma, double gain) noexcept;          // torchvision's adjust_gamma
LevelTable invert_table() noexcept;
LevelTable posterize_table(int bits) noexcept;
LevelTable solarize_table(double threshold) noexcept;
LevelTable autocontrast_table(const Histogram& histogram) noexcept;  // Pillow's ImageOps.autocontrast, no cut-off
LevelTable equalize_table(const Histogram& histogram) noexcept;      // Pillow's ImageOps.equalize

// First `first`, then `then`.
LevelTable composed(const LevelTable& first, const LevelTable& then) noexcept;

}  // namespace fastload
