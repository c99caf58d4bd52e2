#include "kernels/color.h"

#include <cmath>
#include <cstring>

#include "core/cpu.h"
#include "core/luminance.h"
#include "kernels/channels.h"
#include "kernels/color_rows.h"

namespace fastload {
namespace {

namespace plain {

#include "kernels/color_loops.inl"

void grey_run(std::uint8_t* pixels, int count) noexcept {
  for (int i = 0; i < count; ++i) put_grey(pixels, i);
}

void mix_run(std::uint8_t* pixels, int count, const ColorMix& mix) noexcept {
  for (int i = 0; i < count; ++i) put_mixed(pixels, i, mix);
}

}  // namespace plain
}  // namespace

void mix_channels(ImageView image, const ColorMix& mix) noexcept {
  if (image.channels == 1) return;
  for (int y = 0; y < image.height; ++y) FASTLOAD_BEST(mix_run, image.row(y), image.width, mix);
}

void saturate(ImageView image, float factor) noexcept {
  if (image.channels == 1) return;
  if (factor == 0) {
    for (int y = 0; y < image.height; ++y) FASTLOAD_BEST(grey_run, image.row(y), image.width);
    return;
  }
  for (int y = 0; y < image.height; ++y) FASTLOAD_BEST(saturate_run, image.row(y), image.width, factor);
}

void shift_hsv(ImageView image, const HsvShift& shift) noexcept {
  if (image.channels == 4) {
    for (int y = 0; y < image.height; ++y) FASTLOAD_BEST(shift_hsv_run, image.row(y), image.width, shift);
    return;
  }
  // Grey has no hue, and more saturation would make red of it: only its value moves.
  LevelTable table;
  for (int level = 0; level < 256; ++level) {
    const float value = static_cast<float>(level) + 255 * shift.value;
    table[0][static_cast<std::size_t>(level)] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value + 0.5F);
  }
  table[1] = table[2] = table[0];
  look_up(image, table, image);
}

double mean_luminance(ImageView image) noexcept {
  if (image.channels == 1) return mean_level(image);
  constexpr int kRun = 512;
  std::uint8_t spread[4 * kRun];
  std::uint64_t sum = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int begin = 0; begin < image.width; begin += kRun) {
      const int count = image.width - begin < kRun ? image.width - begin : kRun;
      const std::uint8_t* pixels = image.row(y) + std::ptrdiff_t{image.channels} * begin;
      if (image.channels == 3) {
        rgb_to_rgbx(pixels, count, spread);
        pixels = spread;
      }
      sum += FASTLOAD_BEST(luminance_run, pixels, count);
    }
  }
  return static_cast<double>(sum) / (static_cast<double>(image.height) * image.width);
}

double mean_level(ImageView image) noexcept {
  std::uint64_t sum = 0;
  for (int y = 0; y < image.height; ++y) {
    sum += image.channels == 4 ? FASTLOAD_BEST(colour_sum_run, image.row(y), image.width)
                               : FASTLOAD_BEST(sum_run, image.row(y), image.width * image.channels);
  }
  const int channels = image.channels == 1 ? 1 : 3;
  return static_cast<double>(sum) / (static_cast<double>(image.height) * image.width * channels);
}

void count_levels(ImageView image, Histogram* histogram) noexcept {
  // Two counters for neighbours: the same level twice in a row would wait for the first count to be stored.
  static thread_local std::uint32_t counts[2][3][256];
  for (auto& half : counts) {
    for (auto& channel : half) {
      for (auto& count : channel) count = 0;
    }
  }
  const int channels = image.channels == 1 ? 1 : 3;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* p = image.row(y);
    int x = 0;
    if (image.channels != 1) {  // two pixels in one read of eight bytes
      const int next = 8 * image.channels, step = 2 * image.channels;
      for (; x + 3 <= image.width; x += 2, p += step) {
        std::uint64_t two;
        std::memcpy(&two, p, 8);
        for (int c = 0; c < 3; ++c) {
          ++counts[0][c][two >> (8 * c) & 0xFF];
          ++counts[1][c][two >> (next + 8 * c) & 0xFF];
        }
      }
    }
    for (; x < image.width; ++x, p += image.channels) {
      for (int c = 0; c < channels; ++c) ++counts[x & 1][c][p[c]];
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t level = 0; level < 256; ++level) {
      (*histogram)[c][level] = std::int64_t{counts[0][c][level]} + counts[1][c][level];
    }
  }
}

void permute_channels(ImageView image, const int order[3]) noexcept {
  if (image.channels == 1) return;
  for (int y = 0; y < image.height; ++y) FASTLOAD_BEST(permute_run, image.row(y), image.width, order);
}

}  // namespace fastload
