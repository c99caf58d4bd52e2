// Pixels by their neighbours: blurring and sharpening; and noise. Images have 1, 3 or 4 bytes a pixel, each a channel.
#pragma once

#include <cstdint>
#include <vector>

#include "core/image_view.h"

namespace fastload {

// Weights of a Gaussian, an odd number of them; they sum up to 1. torchvision's: the density at whole distances.
std::vector<double> gaussian_weights(int taps, double sigma);

// Separable: `across` the rows, then `down` the columns; each an odd number of weights of 0 or more that sum up to 1.
// Beyond the border the image is reflected, its last pixel once. Within 1 level of exact sums, 2 from 33 taps on.
void blur(ImageView in, const std::vector<double>& across, const std::vector<double>& down, ImageView out);

// Any square of such weights, row by row, of size x size, size odd; the border, and how exact it is, as above.
void convolve(ImageView in, const std::vector<double>& weights, int size, ImageView out);

// (1 - factor) * smooth + factor * image, as Pillow's ImageEnhance.Sharpness; the outermost pixels stay.
void sharpen(ImageView in, float factor, ImageView out);

// Adds noise of a normal distribution, in levels, to each channel, as `key` says.
void add_noise(ImageView image, double mean, double deviation, std::uint64_t key) noexcept;

}  // namespace fastload
