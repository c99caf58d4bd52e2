#include "kernels/finish.h"

#include <cmath>
#include <cstring>

#include "core/cpu.h"
#include "core/luminance.h"
#include "kernels/channels.h"
#include "kernels/finish_rows.h"

namespace fastload {
namespace {

constexpr int kMostPlaces = 6;

bool reproduces(const Arithmetic& arithmetic, int channel, const float* table) {
  for (int level = 0; level < 256; ++level) {
    const float value = computed(arithmetic, channel, static_cast<std::uint8_t>(level));
    if (std::memcmp(&value, table + level, sizeof(float)) != 0) return false;
  }
  return true;
}

float decimal(double value, int places) {
  const double power = std::pow(10.0, places);
  return static_cast<float>(std::round(value * power) / power);
}

// Finds mean and deviation of a channel, which people write with few decimals.
bool find_normalisation(Arithmetic* arithmetic, int channel, const float* table) {
  const float top = computed({arithmetic->divides, arithmetic->scale}, channel, 255);
  const double deviation = static_cast<double>(top) / (static_cast<double>(table[255]) - table[0]);
  const double mean = -static_cast<double>(table[0]) * deviation;
  for (int places = 1; places <= kMostPlaces; ++places) {
    arithmetic->deviation[channel] = decimal(deviation, places);
    arithmetic->mean[channel] = decimal(mean, places);
    if (arithmetic->deviation[channel] != 0.0F && reproduces(*arithmetic, channel, table)) return true;
  }
  return false;
}

// The arithmetic that a table of float32 was made by, if it is one that the kernels know.
std::optional<Arithmetic> arithmetic_of(int channels, const float* values) {
  for (const Arithmetic& plain : {Arithmetic{true, 255.0F}, Arithmetic{false, 1.0F / 255.0F}}) {
    for (const bool normalises : {false, true}) {
      Arithmetic arithmetic = plain;
      arithmetic.normalises = normalises;
      int found = 0;
      while (found < channels && (normalises ? find_normalisation(&arithmetic, found, values + found * 256)
                                             : reproduces(arithmetic, found, values + found * 256))) {
        ++found;
      }
      if (found == channels) return arithmetic;
    }
  }
  return std::nullopt;
}

// The output channels of input column `column` of a row (-1: fill), before the level map.
struct Pixels {
  const std::uint8_t* row;  // null: all fill
  int in_channels;
  int out_channels;
  const std::uint8_t* fill;

  void read(int column, std::uint8_t* levels) const noexcept {
    if (row == nullptr || column < 0) {
      std::memcpy(levels, fill, 4);
      return;
    }
    const std::uint8_t* pixel = row + std::ptrdiff_t{column} * in_channels;
    if (in_channels == 1) {
      levels[0] = levels[1] = levels[2] = pixel[0];
      levels[3] = 255;
    } else if (out_channels == 1) {
      levels[0] = luminance(pixel[0], pixel[1], pixel[2]);
    } else {
      std::memcpy(levels, pixel, 4);
    }
  }
};

struct Target {
  int y;
  int height, width, channels;
  bool planar;

  std::size_t at(int x, int c) const noexcept {
    const auto w = static_cast<std::size_t>(width);
    return planar ? (static_cast<std::size_t>(c) * static_cast<std::size_t>(height) + static_cast<std::size_t>(y)) * w +
                        static_cast<std::size_t>(x)
                  : (static_cast<std::size_t>(y) * w + static_cast<std::size_t>(x)) * static_cast<std::size_t>(channels) +
                        static_cast<std::size_t>(c);
  }
};

// Any placement, any map. kChannels known to the compiler, so that the loop over them is none.
template <class Value, int kChannels>
void place_row(const Pixels& pixels, const Placement& placement, const LevelMap& map, const Target& target,
               Value* out) noexcept {
  const Value* tables[kChannels];
  Value* outs[kChannels];
  for (int c = 0; c < kChannels; ++c) {
    tables[c] = map.is_identity() ? nullptr : map.table<Value>(c);
    outs[c] = out + target.at(0, c);
  }
  const std::ptrdiff_t step = target.planar ? 1 : kChannels;
  for (int x = 0; x < target.width; ++x) {
    const int column = placement.columns != nullptr ? placement.columns[x]
                       : placement.columns_reversed ? target.width - 1 - x
                                                    : x;
    std::uint8_t levels[4] = {0, 0, 0, 0};
    pixels.read(column, levels);
    for (int c = 0; c < kChannels; ++c) {
      outs[c][x * step] = tables[c] == nullptr ? static_cast<Value>(levels[c]) : tables[c][levels[c]];
    }
  }
}

template <class Value>
void place_row(const Pixels& pixels, const Placement& placement, const LevelMap& map, const Target& target,
               Value* out) noexcept {
  switch (target.channels) {
    case 1: return place_row<Value, 1>(pixels, placement, map, target, out);
    case 3: return place_row<Value, 3>(pixels, placement, map, target, out);
    default: return place_row<Value, 4>(pixels, placement, map, target, out);
  }
}

bool can_compute(const Pixels& pixels, const Placement& placement, const LevelMap& map, bool planar) noexcept {
  return map.arithmetic() != nullptr && map.channels() == 3 && pixels.in_channels == 4 && pixels.row != nullptr &&
         placement.columns == nullptr && planar && simd() != Simd::kScalar;
}

// Levels as they are, columns in a row: nothing but copying. False if it is not that.
bool copy_levels(const Pixels& pixels, const Placement& placement, const LevelMap& map, const Target& target,
                 std::uint8_t* out) noexcept {
  if (!map.is_identity() || map.type() != OutType::kUint8 || pixels.row == nullptr) return false;
  const bool reversed = placement.columns_reversed;
  if (placement.columns != nullptr) {
    if (pixels.in_channels != 4 || target.channels != 4) return false;
    for (int x = 0; x < target.width; ++x) pixels.read(placement.columns[x], out + target.at(x, 0));
  } else if (pixels.in_channels == target.channels && (target.channels == 1 || !target.planar)) {
    copy_row(pixels.row, target.width, target.channels, reversed, out + target.at(0, 0));
  } else if (pixels.in_channels == 4 && target.channels == 3 && !target.planar) {
    rgbx_to_rgb(pixels.row, target.width, reversed, out + target.at(0, 0));
  } else if (pixels.in_channels == 4 && target.channels == 3) {
    std::uint8_t* const planes[3] = {out + target.at(0, 0), out + target.at(0, 1), out + target.at(0, 2)};
    rgbx_to_planes(pixels.row, target.width, reversed, planes);
  } else {
    return false;
  }
  return true;
}

void finish_row(const Pixels& pixels, const Placement& placement, const LevelMap& map, const Target& target,
                void* out) noexcept {
#if defined(__x86_64__)
  if (can_compute(pixels, placement, map, target.planar)) {
    auto* values = static_cast<float*>(out);
    float* const planes[3] = {values + target.at(0, 0), values + target.at(0, 1), values + target.at(0, 2)};
    const auto to_planes = simd() == Simd::kAvx512 ? rgbx_to_float_planes_avx512 : rgbx_to_float_planes_avx2;
    return to_planes(pixels.row, target.width, placement.columns_reversed, *map.arithmetic(), planes);
  }
#endif
  if (copy_levels(pixels, placement, map, target, static_cast<std::uint8_t*>(out))) return;
  switch (out_bytes(map.type())) {
    case 1: return place_row(pixels, placement, map, target, static_cast<std::uint8_t*>(out));
    case 2: return place_row(pixels, placement, map, target, static_cast<std::uint16_t*>(out));
    default: return place_row(pixels, placement, map, target, static_cast<std::uint32_t*>(out));
  }
}

}  // namespace

std::size_t out_bytes(OutType type) noexcept {
  switch (type) {
    case OutType::kUint8: return 1;
    case OutType::kFloat16:
    case OutType::kBfloat16: return 2;
    case OutType::kFloat32: return 4;
  }
  return 0;
}

float computed(const Arithmetic& arithmetic, int channel, std::uint8_t level) noexcept {
  float value = static_cast<float>(level);
  value = arithmetic.divides ? value / arithmetic.scale : value * arithmetic.scale;
  if (!arithmetic.normalises) return value;
  value = value - arithmetic.mean[channel];
  return value / arithmetic.deviation[channel];
}

LevelMap::LevelMap(OutType type, int channels, const void* values) : type_(type), channels_(channels) {
  if (values == nullptr) return;
  table_.resize(static_cast<std::size_t>(channels) * 256 * out_bytes(type));
  std::memcpy(table_.data(), values, table_.size());
  if (type == OutType::kFloat32 && channels <= 3) arithmetic_ = arithmetic_of(channels, table<float>(0));
}

void finish_image(ImageView in, const Placement& placement, const LevelMap& map, int height, int width, bool planar,
                  void* out) noexcept {
  for (int y = 0; y < height; ++y) {
    const int row = placement.rows != nullptr ? placement.rows[y] : placement.rows_reversed ? height - 1 - y : y;
    const Pixels pixels{row < 0 ? nullptr : in.row(row), in.channels, map.channels(), placement.fill};
    finish_row(pixels, placement, map, {y, height, width, map.channels(), planar}, out);
  }
}

void finish_rows(ImageView in, const LevelMap& map, int first_row, int height, bool planar, void* out) noexcept {
  const Placement as_it_is;
  for (int y = 0; y < in.height; ++y) {
    const Pixels pixels{in.row(y), in.channels, map.channels(), as_it_is.fill};
    finish_row(pixels, as_it_is, map, {first_row + y, height, in.width, map.channels(), planar}, out);
  }
}

}  // namespace fastload
