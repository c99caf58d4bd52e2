#include "pipeline/pixel_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <numbers>
#include <numeric>
#include <utility>

#include "codecs/jpeg_again.h"
#include "kernels/clahe.h"
#include "kernels/counter_random.h"
#include "kernels/filters.h"
#include "kernels/tone.h"

namespace fastload {
namespace {

constexpr int kOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

// The weights of a line in a square, as Albumentations has it: from its middle in the direction of `angle`, and the other
// way, each as far as `direction` (from -1, only backwards, to 1, only forwards) leaves it. All pixels that any of `size`
// even steps falls into weigh alike; what lies outside is moved to the edge.
std::vector<double> line_weights(int size, double angle, double direction, Point shift) {
  std::vector<double> weights(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  const double radians = angle * (std::numbers::pi / 180);
  const double x = std::cos(radians), y = std::sin(radians);
  const double reach = size / 2;
  const double from = -reach * (1 - std::max(direction, 0.0)), to = reach * (1 + std::min(direction, 0.0));
  const auto pixel = [&](double place) {
    return static_cast<std::size_t>(std::clamp(std::nearbyint(reach + place), 0.0, size - 1.0));
  };
  const double step = size == 1 ? 0 : (to - from) / (size - 1);  // in NumPy's order, for the same roundings
  for (int i = 0; i < size; ++i) {
    const double along = from + i * step;
    weights[pixel(y * along + shift.y) * static_cast<std::size_t>(size) + pixel(x * along + shift.x)] = 1;
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

// By up to half of the line's reach each way.
Point shift_of(const PixelMove& move, int size) {
  const CounterRandom random(move.key);
  const auto drawn = [&](std::uint64_t position) { return (2 * random.uniform(position) - 1) * (size / 2) / 2; };
  return move.values[3] > 0 ? Point{drawn(0), drawn(1)} : Point{};
}

// What pixel_run.h asks about a move.
struct Nature {
  bool pointwise = false, filter = false, table_of_image = false;
};

Nature nature_of(PixelKind kind) noexcept {
  switch (kind) {
    case PixelKind::kBrightness:
    case PixelKind::kSaturation:
    case PixelKind::kLinear:
    case PixelKind::kInvert:
    case PixelKind::kPermute:
    case PixelKind::kHue:
    case PixelKind::kHsv:
    case PixelKind::kGamma:
    case PixelKind::kPosterize:
    case PixelKind::kSolarize: return {.pointwise = true};
    case PixelKind::kSharpness:
    case PixelKind::kGaussianBlur:
    case PixelKind::kMotionBlur:
    case PixelKind::kClahe:
    case PixelKind::kJpeg: return {.filter = true};
    case PixelKind::kContrast:
    case PixelKind::kLinearOfMean:
    case PixelKind::kAutocontrast:
    case PixelKind::kEqualize: return {.table_of_image = true};
    case PixelKind::kNoise: return {};
  }
  return {};
}

Nature nature_of(const ColourMove& move) noexcept {
  const auto* pixel = std::get_if<PixelMove>(&move);
  return pixel == nullptr ? Nature{} : nature_of(pixel->kind);
}

// Albumentations': of a line that is safe, offset and slope are nearer to 0 until all levels stay in their range.
Line linear(double slope, double offset, bool is_safe) {
  if (is_safe) {
    offset = slope > 0 ? std::clamp(offset, 0.0, 255.0) : std::min(offset, 255.0);
    slope = slope > 0 ? std::min(slope, (255 - offset) / 255) : std::max(slope, -offset / 255);
  }
  return {slope, offset, Rounding::kNearest};
}

LevelTable line_table(double slope, double offset, bool is_safe) {
  const Line line = linear(slope, offset, is_safe);
  return linear_table(line.slope, line.offset);
}

std::optional<LevelTable> table_of(const PixelMove& move) {
  const auto& v = move.values;
  switch (move.kind) {
    case PixelKind::kBrightness: return brightness_table(v[0]);
    case PixelKind::kLinear: return line_table(v[0], v[1], v[2] > 0);
    case PixelKind::kGamma: return gamma_table(v[0], v[1]);
    case PixelKind::kInvert: return invert_table();
    case PixelKind::kPosterize: return posterize_table(static_cast<int>(std::lround(std::clamp(v[0], 0.0, 8.0))));
    case PixelKind::kSolarize: return solarize_table(v[0]);
    default: return std::nullopt;
  }
}

// The mean that the move looks at.
double mean_of(const PixelMove& move, ImageView image) {
  if (move.kind == PixelKind::kContrast) return mean_luminance(image);
  return move.kind == PixelKind::kLinearOfMean ? mean_level(image) : 0;
}

std::optional<LevelTable> table_of(const PixelMove& move, ImageView image, double mean) {
  const auto& v = move.values;
  Histogram histogram;
  switch (move.kind) {
    case PixelKind::kContrast: return contrast_table(v[0], mean);
    case PixelKind::kLinearOfMean: return line_table(v[0], v[1] * mean, v[2] > 0);
    case PixelKind::kAutocontrast: count_levels(image, &histogram); return autocontrast_table(histogram);
    case PixelKind::kEqualize: count_levels(image, &histogram); return equalize_table(histogram);
    default: return table_of(move);
  }
}

// Along which the table goes, if it goes along one.
std::optional<Line> line_of(const PixelMove& move, double mean) {
  const auto& v = move.values;
  const double factor = static_cast<float>(v[0]);
  switch (move.kind) {
    case PixelKind::kBrightness: return Line{factor, 0, Rounding::kDown};
    case PixelKind::kContrast: return Line{factor, (1 - factor) * std::floor(mean + 0.5), Rounding::kDown};
    case PixelKind::kLinear: return linear(v[0], v[1], v[2] > 0);
    case PixelKind::kLinearOfMean: return linear(v[0], v[1] * mean, v[2] > 0);
    case PixelKind::kInvert: return Line{-1, 255, Rounding::kNone};
    default: return std::nullopt;
  }
}

// What the move does to each pixel of that image by itself; nothing if it does more.
std::optional<ColourPass> pass_of(const PixelMove& move, ImageView image) {
  const auto as_float = [&](std::size_t i) { return static_cast<float>(move.values[i]); };
  switch (move.kind) {
    case PixelKind::kSaturation: return saturation_pass(as_float(0));
    case PixelKind::kHue: return hsv_pass({as_float(0), 0, 0});
    case PixelKind::kHsv: return hsv_pass({as_float(0), as_float(1), as_float(2)});
    case PixelKind::kPermute: return permutation_pass(kOrders[std::clamp(whole_pixels(move.values[0]), 0, 5)]);
    default: break;
  }
  const double mean = mean_of(move, image);
  const auto table = table_of(move, image, mean);
  return table ? std::optional(table_pass(*table, line_of(move, mean))) : std::nullopt;
}

// Grey pixels have but their level.
bool means_nothing_to_grey(PixelKind kind) { return kind == PixelKind::kSaturation || kind == PixelKind::kPermute; }

int whole_number(double value) { return whole_pixels(std::round(value)); }

int odd(double value) { return std::max(1, whole_number((value - 1) / 2) * 2 + 1); }

}  // namespace

bool is_pointwise(const ColourMove& move) noexcept { return nature_of(move).pointwise; }

bool is_filter(const ColourMove& move) noexcept { return nature_of(move).filter; }

bool is_straight(const ColourMove& move) noexcept {
  const auto* pixel = std::get_if<PixelMove>(&move);
  if (pixel == nullptr) return false;
  const auto& v = pixel->values;
  const auto is_level = [](double value) { return value >= 0 && value <= 255; };
  switch (pixel->kind) {
    case PixelKind::kInvert:
    case PixelKind::kPermute: return true;
    case PixelKind::kBrightness:
    case PixelKind::kSaturation: return v[0] >= 0 && v[0] <= 1;
    case PixelKind::kLinear: return v[2] > 0 || (is_level(v[1]) && is_level(255 * v[0] + v[1]));
    default: return false;
  }
}

bool is_table_of_image(const ColourMove& move) noexcept { return nature_of(move).table_of_image; }

std::optional<LevelTable> table_of(const std::vector<ColourMove>& moves) {
  std::optional<LevelTable> table;
  for (const ColourMove& move : moves) {
    const auto* pixel = std::get_if<PixelMove>(&move);
    const auto next = pixel == nullptr ? std::nullopt : table_of(*pixel);
    if (!next) return std::nullopt;
    table = table ? composed(*table, *next) : next;
  }
  return table;
}

std::optional<LevelTable> table_of(const PixelMove& move, ImageView image) {
  return table_of(move, image, mean_of(move, image));
}

int motion_weights(const PixelMove& move, std::vector<double>* weights) {
  const int size = odd(move.values[0]);
  *weights = line_weights(size, move.values[1], std::clamp(move.values[2], -1.0, 1.0), shift_of(move, size));
  return size;
}

Status filter(const PixelMove& move, ImageView in, ImageView out) {
  const auto& v = move.values;
  const auto whole = [&](std::size_t i) { return whole_number(v[i]); };
  switch (move.kind) {
    case PixelKind::kSharpness: sharpen(in, static_cast<float>(v[0]), out); return {};
    case PixelKind::kGaussianBlur: blur(in, gaussian_weights(odd(v[0]), v[2]), gaussian_weights(odd(v[1]), v[2]), out); return {};
    case PixelKind::kMotionBlur: {
      std::vector<double> weights;
      const int size = motion_weights(move, &weights);
      convolve(in, weights, size, out);
      return {};
    }
    case PixelKind::kClahe:
      equalize_tiles(in, v[0], std::max(whole(1), 1), std::max(whole(2), 1), out);
      return {};
    case PixelKind::kJpeg: return jpeg_again(in, std::clamp(whole(0), 1, 100), out);
    default: return Status::of(Fault::kBadArgument, "not a filter");
  }
}

void erase(const EraseMove& move, ImageView image) {
  CounterRandom words(move.key);
  std::uint64_t drawn = 0;
  const auto pixel_bytes = static_cast<std::size_t>(image.channels);
  for (const Region& hole : move.holes) {
    const auto row_bytes = pixel_bytes * static_cast<std::size_t>(hole.width);
    std::uint8_t* const first = image.row(hole.y) + std::ptrdiff_t{hole.x} * image.channels;
    for (int y = 0; y < hole.height; ++y) {
      std::uint8_t* row = first + y * image.row_bytes;
      if (y > 0 && !move.noise) {
        std::memcpy(row, first, row_bytes);
        continue;
      }
      for (std::size_t at = 0; at < row_bytes; at += pixel_bytes) {
        const std::uint64_t word = move.noise ? words.word(drawn++) : 0;
        std::memcpy(row + at, move.noise ? static_cast<const void*>(&word) : move.fill.data(), pixel_bytes);
      }
    }
  }
}

Status PixelRunner::run(const std::vector<ColourMove>& moves, ImageView* image) noexcept {
  try {
    return run_all(moves, image);
  } catch (const std::exception&) {  // bad_alloc
    return Status::of(Fault::kNoMemory, "no memory");
  }
}

Status PixelRunner::run_all(const std::vector<ColourMove>& moves, ImageView* image) {
  chain_.clear();
  for (const ColourMove& move : moves) {
    if (const auto* erased = std::get_if<EraseMove>(&move)) {
      chain_.run(*image);
      erase(*erased, *image);
      continue;
    }
    const Status status = apply(std::get<PixelMove>(move), image);
    if (!status.ok()) return status;
  }
  chain_.run(*image);
  return {};
}

Status PixelRunner::apply(const PixelMove& move, ImageView* image) {
  if (image->channels == 1 && means_nothing_to_grey(move.kind)) return {};
  if (!is_pointwise(move)) chain_.run(*image);
  if (auto pass = pass_of(move, *image)) {
    chain_.add(std::move(*pass));
    return {};
  }
  if (move.kind == PixelKind::kNoise) {
    add_noise(*image, move.values[0], move.values[1], move.key);
    return {};
  }
  ImageView made;
  Status status = scratch_image(spare_[spare_in_ ^= 1], image->height, image->width, image->channels, &made);
  if (status.ok()) status = filter(move, *image, made);
  *image = made;
  return status;
}

void PixelRunner::trim(std::size_t most_bytes) noexcept {
  for (Scratch& scratch : spare_) scratch.trim(most_bytes);
}

}  // namespace fastload
