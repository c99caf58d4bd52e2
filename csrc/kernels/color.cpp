#include "kernels/color.h"

#include <cmath>
#include <cstring>

#include "core/cpu.h"
#include "core/luminance.h"
#include "kernels/color_rows.h"

namespace fastload {
namespace {

namespace plain {

#include "kernels/color_loops.inl"

void look_up_run(std::uint8_t* bytes, int count, const std::uint8_t* table) noexcept {
  for (int i = 0; i < count; ++i) bytes[i] = table[bytes[i]];
}

}  // namespace plain

// function(row, pixels) for each row: with AVX2's version of it where the processor has that.
#if defined(__x86_64__)
#define FASTLOAD_ROWS(image, function, ...)                        \
  for (int y = 0; y < (image).height; ++y) {                       \
    if (simd() != Simd::kScalar) {                                 \
      avx2::function((image).row(y), (image).width, __VA_ARGS__);  \
    } else {                                                       \
      plain::function((image).row(y), (image).width, __VA_ARGS__); \
    }                                                              \
  }
#else
#define FASTLOAD_ROWS(image, function, ...) \
  for (int y = 0; y < (image).height; ++y) plain::function((image).row(y), (image).width, __VA_ARGS__);
#endif

}  // namespace

void look_up(ImageView image, const LevelTable& table) noexcept {
  if (image.channels == 1 || (table[0] == table[1] && table[1] == table[2])) {
    ImageView bytes = image;
    bytes.width *= image.channels;
    FASTLOAD_ROWS(bytes, look_up_run, table[0].data())
    return;
  }
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* p = image.row(y);
    for (int x = 0; x < image.width; ++x, p += 4) {
      for (int c = 0; c < 3; ++c) p[c] = table[static_cast<std::size_t>(c)][p[c]];
    }
  }
}

void mix_channels(ImageView image, const ColorMatrix& matrix) noexcept {
  if (image.channels == 1) return;
  FASTLOAD_ROWS(image, mix_run, matrix)
}

void saturate(ImageView image, float factor) noexcept {
  if (image.channels == 1) return;
  FASTLOAD_ROWS(image, saturate_run, factor)
}

void shift_hsv(ImageView image, const HsvShift& shift) noexcept {
  if (image.channels == 4) {
    FASTLOAD_ROWS(image, shift_hsv_run, shift)
    return;
  }
  // Grey has no hue, and more saturation would make red of it: only its value moves.
  LevelTable table;
  for (int level = 0; level < 256; ++level) {
    const float value = static_cast<float>(level) + 255 * shift.value;
    table[0][static_cast<std::size_t>(level)] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value + 0.5F);
  }
  table[1] = table[2] = table[0];
  look_up(image, table);
}

double mean_luminance(ImageView image) noexcept {
  std::uint64_t sum = 0;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.row(y);
    if (image.channels == 1) {
      for (int x = 0; x < image.width; ++x) sum += row[x];
      continue;
    }
#if defined(__x86_64__)
    sum += simd() != Simd::kScalar ? avx2::luminance_run(row, image.width) : plain::luminance_run(row, image.width);
#else
    sum += plain::luminance_run(row, image.width);
#endif
  }
  return static_cast<double>(sum) / (static_cast<double>(image.height) * image.width);
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
    if (image.channels == 4) {  // two pixels in one read
      for (; x + 2 <= image.width; x += 2, p += 8) {
        std::uint64_t two;
        std::memcpy(&two, p, 8);
        for (int c = 0; c < 3; ++c) {
          ++counts[0][c][two >> (8 * c) & 0xFF];
          ++counts[1][c][two >> (32 + 8 * c) & 0xFF];
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
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* p = image.row(y);
    for (int x = 0; x < image.width; ++x, p += 4) {
      const std::uint8_t before[3] = {p[0], p[1], p[2]};
      for (int c = 0; c < 3; ++c) p[c] = before[order[c]];
    }
  }
}

}  // namespace fastload
