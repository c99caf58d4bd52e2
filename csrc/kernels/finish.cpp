#include "kernels/finish.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "core/cpu.h"
#include "core/luminance.h"
#include "kernels/channels.h"
#include "kernels/finish_rows.h"

namespace fastload {
namespace {

constexpr int kMostPlaces = 6;

float quotient(float a, const Divisor& divisor) noexcept { return std::fma(a, divisor.reciprocal, a * divisor.lack); }

// What the vectors compute.
float computed(const Arithmetic& arithmetic, int channel, std::uint8_t level) noexcept {
  float value = static_cast<float>(level);
  value = arithmetic.divides ? quotient(value, arithmetic.by_scale) : value * arithmetic.scale;
  if (!arithmetic.normalises) return value;
  return quotient(value - arithmetic.mean[channel], arithmetic.by_deviation[channel]);
}

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
  Arithmetic plain = *arithmetic;
  plain.normalises = false;
  const float top = computed(plain, channel, 255);
  const double deviation = static_cast<double>(top) / (static_cast<double>(table[255]) - table[0]);
  const double mean = -static_cast<double>(table[0]) * deviation;
  for (int places = 1; places <= kMostPlaces; ++places) {
    arithmetic->by_deviation[channel] = Divisor::of(decimal(deviation, places));
    arithmetic->mean[channel] = decimal(mean, places);
    if (reproduces(*arithmetic, channel, table)) return true;
  }
  return false;
}

// The arithmetic that a table of float32 was made by, if it is one that the kernels know.
std::optional<Arithmetic> arithmetic_of(int channels, const float* values) {
  for (const bool divides : {true, false}) {
    for (const bool normalises : {false, true}) {
      Arithmetic arithmetic;
      arithmetic.divides = divides;
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

// A run of pixels of an input row, and where in the output it goes.
struct Span {
  const std::uint8_t* pixels;  // from the left
  int count;
  bool reversed;
  int in_channels;
  int x, y;  // of the first output
  int height, width, channels;  // of the output
  bool planar;
  bool streamed;

  std::size_t at(int c) const noexcept {
    const auto w = static_cast<std::size_t>(width), column = static_cast<std::size_t>(x);
    const auto line = static_cast<std::size_t>(y);
    return planar ? (static_cast<std::size_t>(c) * static_cast<std::size_t>(height) + line) * w + column
                  : (line * w + column) * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c);
  }

  // The output channels of a pixel, before the level map.
  void read(int number, std::uint8_t* levels) const noexcept {
    const std::uint8_t* pixel = pixels + std::ptrdiff_t{reversed ? count - 1 - number : number} * in_channels;
    if (in_channels == 1) {
      levels[0] = levels[1] = levels[2] = pixel[0];
      levels[3] = 255;
    } else if (channels == 1) {
      levels[0] = luminance(pixel[0], pixel[1], pixel[2]);
    } else {
      std::memcpy(levels, pixel, 4);
    }
  }
};

template <class Value>
Value mapped(const LevelMap& map, int channel, std::uint8_t level) noexcept {
  return map.is_identity() ? static_cast<Value>(level) : map.table<Value>(channel)[level];
}

// Any map. kChannels known to the compiler, so that the loop over them is none.
template <class Value, int kChannels>
void map_span(const Span& span, const LevelMap& map, Value* out) noexcept {
  const Value* tables[kChannels];
  Value* outs[kChannels];
  for (int c = 0; c < kChannels; ++c) {
    tables[c] = map.is_identity() ? nullptr : map.table<Value>(c);
    outs[c] = out + span.at(c);
  }
  const std::ptrdiff_t step = span.planar ? 1 : kChannels;
  for (int number = 0; number < span.count; ++number) {
    std::uint8_t levels[4] = {0, 0, 0, 0};
    span.read(number, levels);
    for (int c = 0; c < kChannels; ++c) {
      outs[c][number * step] = tables[c] == nullptr ? static_cast<Value>(levels[c]) : tables[c][levels[c]];
    }
  }
}

template <class Value>
void map_span(const Span& span, const LevelMap& map, Value* out) noexcept {
  switch (span.channels) {
    case 1: return map_span<Value, 1>(span, map, out);
    case 3: return map_span<Value, 3>(span, map, out);
    default: return map_span<Value, 4>(span, map, out);
  }
}

// The border: the same pixel again and again.
template <class Value>
void fill_span(const Span& span, const std::uint8_t* fill, const LevelMap& map, Value* out) noexcept {
  const auto count = static_cast<std::size_t>(span.count), channels = static_cast<std::size_t>(span.channels);
  for (int c = 0; c < span.channels; ++c) {
    const Value value = mapped<Value>(map, c, fill[c]);
    std::fill_n(out + span.at(c), span.planar ? count : 1, value);
  }
  if (span.planar) return;
  Value* first = out + span.at(0);
  for (std::size_t done = channels; done < count * channels;) {
    const std::size_t more = std::min(done, count * channels - done);
    std::copy_n(first, more, first + done);
    done += more;
  }
}

#if defined(__x86_64__)
// Values that are computed. False if they are to be looked up.
bool compute(const Span& span, const LevelMap& map, float* out) noexcept {
  if (map.arithmetic() == nullptr || map.channels() != 3 || span.in_channels != 4 || simd() == Simd::kScalar) {
    return false;
  }
  const bool widest = simd() == Simd::kAvx512;
  if (span.planar) {
    float* const planes[3] = {out + span.at(0), out + span.at(1), out + span.at(2)};
    const auto made_by = [&](auto to_planes) {
      return to_planes(span.pixels, span.count, span.reversed, *map.arithmetic(), planes, span.streamed);
    };
    return (widest && made_by(avx512::rgbx_to_float_planes)) || made_by(avx2::rgbx_to_float_planes);
  }
  const auto made_by = [&](auto to_pixels) {
    return to_pixels(span.pixels, span.count, span.reversed, *map.arithmetic(), out + span.at(0),
                     span.streamed);
  };
  return (widest && made_by(avx512::rgbx_to_float_pixels)) || made_by(avx2::rgbx_to_float_pixels);
}
#endif

// Levels as they are: nothing but copying. False if it is not that.
bool copy_levels(const Span& span, const LevelMap& map, std::uint8_t* out) noexcept {
  if (!map.is_identity() || map.type() != OutType::kUint8) return false;
  if (span.in_channels == span.channels && (span.channels == 1 || !span.planar)) {
    copy_row(span.pixels, span.count, span.channels, span.reversed, out + span.at(0));
  } else if (span.in_channels == 4 && span.channels == 1) {
    std::uint8_t* const to = out + span.at(0);
    rgbx_to_grey(span.pixels, span.count, to);
    if (span.reversed) std::reverse(to, to + span.count);
  } else if (span.in_channels == 4 && span.channels == 3 && !span.planar) {
    rgbx_to_rgb(span.pixels, span.count, span.reversed, out + span.at(0));
  } else if (span.in_channels == 4 && span.channels == 3) {
    std::uint8_t* const planes[3] = {out + span.at(0), out + span.at(1), out + span.at(2)};
    rgbx_to_planes(span.pixels, span.count, span.reversed, planes);
  } else {
    return false;
  }
  return true;
}

// fill: what is shown where the span has no pixels.
template <class Value>
void finish_span(const Span& span, const std::uint8_t* fill, const LevelMap& map, Value* out) noexcept {
  if (span.pixels == nullptr) {
    fill_span(span, fill, map, out);
  } else {
    map_span(span, map, out);
  }
}

void finish_span(const Span& span, const std::uint8_t* fill, const LevelMap& map, void* out) noexcept {
  if (span.pixels != nullptr) {
#if defined(__x86_64__)
    if (compute(span, map, static_cast<float*>(out))) return;
#endif
    if (copy_levels(span, map, static_cast<std::uint8_t*>(out))) return;
  }
  switch (out_bytes(map.type())) {
    case 1: return finish_span(span, fill, map, static_cast<std::uint8_t*>(out));
    case 2: return finish_span(span, fill, map, static_cast<std::uint16_t*>(out));
    default: return finish_span(span, fill, map, static_cast<std::uint32_t*>(out));
  }
}

// Whether computed values of an image of that size go past the caches.
bool is_streamed(const LevelMap& map, int height, int width) noexcept {
  const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  return map.arithmetic() != nullptr && pixels * static_cast<std::size_t>(map.channels()) * sizeof(float) >= streamed_bytes();
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

LevelMap::LevelMap(OutType type, int channels, const void* values) : type_(type), channels_(channels) {
  if (values == nullptr) return;
  table_.resize(static_cast<std::size_t>(channels) * 256 * out_bytes(type));
  std::memcpy(table_.data(), values, table_.size());
  if (type == OutType::kFloat32 && channels <= 3) arithmetic_ = arithmetic_of(channels, table<float>(0));
}

void finish_image(ImageView in, const Placement& placement, const LevelMap& map, int height, int width, bool planar,
                  void* out) noexcept {
  const bool streamed = is_streamed(map, height, width);
  const Run every_row{0, height, 0, false}, every_column{0, width, 0, false}, border{0, width, Run::kBorder, false};
  const auto or_one = [](std::span<const Run> runs, const Run& one) { return runs.empty() ? std::span(&one, 1) : runs; };
  const std::span<const Run> columns = or_one(placement.columns, every_column);
  const auto finish_row = [&](int y, int number) {
    for (const Run& run : number == Run::kBorder ? std::span(&border, 1) : columns) {
      const std::uint8_t* pixels = nullptr;
      if (!run.is_border()) pixels = in.row(number) + std::ptrdiff_t{run.first} * in.channels;
      const Span span{pixels, run.count, run.reversed,   in.channels, run.begin, y,
                      height, width,     map.channels(), planar,      streamed};
      finish_span(span, placement.fill, map, out);
    }
  };
  for (const Run& run : or_one(placement.rows, every_row)) {
    for (int i = 0; i < run.count; ++i) finish_row(run.begin + i, run.input(i));
  }
  end_rows();
}

void finish_rows(ImageView in, const LevelMap& map, int first_row, int height, bool planar, void* out) noexcept {
  const bool streamed = is_streamed(map, height, in.width);
  for (int y = 0; y < in.height; ++y) {
    const Span span{in.row(y), in.width, false,          in.channels, 0,       first_row + y,
                    height,    in.width, map.channels(), planar,      streamed};
    finish_span(span, nullptr, map, out);
  }
}

void end_rows() noexcept {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace fastload
