#include "kernels/filters.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "core/cpu.h"
#include "kernels/counter_random.h"
#include "kernels/filter_rows.h"

namespace fastload {
namespace {

namespace plain {

#include "kernels/filter_loops.inl"

}  // namespace plain

// What AVX2's version of a loop has done of it, where the processor has that.
#if defined(__x86_64__)
#define FASTLOAD_DONE(function, ...) (simd() != Simd::kScalar ? avx2::function(__VA_ARGS__) : 0)
#else
#define FASTLOAD_DONE(function, ...) 0
#endif

// sums = weight * levels of each tap, added up.
void add_bytes(const std::vector<ByteTap>& taps, int count, std::uint16_t* sums) noexcept {
  const int tap_count = static_cast<int>(taps.size());
  for (int i = FASTLOAD_DONE(add_bytes, taps.data(), tap_count, count, sums); i < count; ++i) {
    unsigned sum = 0;
    for (const ByteTap& tap : taps) sum += unsigned{tap.levels[i]} * tap.weight;
    sums[i] = static_cast<std::uint16_t>(sum);
  }
}

// The same of values, to the nearest level. Half of what cutting off the products can lose comes first.
void add_words(const std::vector<WordTap>& taps, int count, std::uint8_t* levels) noexcept {
  const int tap_count = static_cast<int>(taps.size());
  for (int i = FASTLOAD_DONE(add_words, taps.data(), tap_count, count, levels); i < count; ++i) {
    unsigned sum = static_cast<unsigned>(tap_count / 2);
    for (const WordTap& tap : taps) sum += (std::uint32_t{tap.values[i]} * tap.weight) >> 16;
    levels[i] = static_cast<std::uint8_t>(std::min((sum + 128) >> 8, 255u));
  }
}

constexpr bool divides_by_13() {
  for (unsigned sum = 0; sum <= 13 * 255 + 6; ++sum) {
    if (thirteenth(sum) != sum / 13) return false;
  }
  return true;
}
static_assert(divides_by_13());

// rows: above, at and below; of each output, the neighbours are `step` bytes away.
void sharpen_row(const std::uint8_t* const rows[3], int count, int step, float factor, std::uint8_t* out) noexcept {
  const std::uint8_t *a = rows[0], *b = rows[1], *c = rows[2];
  for (int i = step + FASTLOAD_DONE(sharpen_row, rows, count, step, factor, out); i < count - step; ++i) {
    const int sum = a[i - step] + a[i] + a[i + step] + b[i - step] + 5 * b[i] + b[i + step] + c[i - step] + c[i] +
                    c[i + step];
    const auto smooth = static_cast<float>(thirteenth(static_cast<unsigned>(sum) + 6));
    out[i] = static_cast<std::uint8_t>(std::clamp(smooth + factor * (static_cast<float>(b[i]) - smooth), 0.0F, 255.0F));
  }
}

int reflected(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = std::abs(i) % period;
  return i < size ? i : period - i;
}

// Weights as parts of `whole`, which they sum up to exactly: what rounding takes from one is given to the next.
std::vector<unsigned> in_parts_of(int whole, const std::vector<double>& weights) {
  std::vector<unsigned> parts;
  double sum = 0;
  int given = 0;
  for (const double weight : weights) {
    sum += weight;
    const int end = static_cast<int>(std::lround(sum * whole));
    parts.push_back(static_cast<unsigned>(std::max(0, end - given)));
    given = std::max(given, end);
  }
  return parts;
}

// The whole, 65536, is one more than fits; what is missing is far less than a level.
std::uint16_t word_weight(unsigned part) { return static_cast<std::uint16_t>(std::min(part, 65535u)); }

// One row of pixels with `reach` reflected ones at either end.
template <class Value>
void reflect_ends(Value* row, int width, int channels, int reach) {
  const auto copy = [&](int to, int from) {
    std::memcpy(row + to * channels, row + from * channels, sizeof(Value) * static_cast<std::size_t>(channels));
  };
  for (int i = 1; i <= reach; ++i) {
    copy(reach - i, reach + reflected(-i, width));
    copy(reach + width - 1 + i, reach + reflected(width - 1 + i, width));
  }
}

}  // namespace

std::vector<double> gaussian_weights(int taps, double sigma) {
  std::vector<double> weights;
  double sum = 0;
  for (int i = 0; i < taps; ++i) {
    const double x = (i - taps / 2) / sigma;
    weights.push_back(std::exp(-x * x / 2));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

void blur(ImageView in, const std::vector<double>& across, const std::vector<double>& down, ImageView out) {
  const std::vector<unsigned> rows = in_parts_of(256, down);
  const std::vector<unsigned> columns = in_parts_of(65536, across);
  const int reach = static_cast<int>(across.size()) / 2, reach_down = static_cast<int>(down.size()) / 2;
  const int count = in.width * in.channels;
  std::vector<std::uint16_t> sums(static_cast<std::size_t>((in.width + 2 * reach) * in.channels));
  std::vector<WordTap> shifted;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (columns[k] != 0) shifted.push_back({sums.data() + static_cast<int>(k) * in.channels, word_weight(columns[k])});
  }
  std::vector<ByteTap> levels;
  for (int y = 0; y < in.height; ++y) {
    levels.clear();
    for (int k = 0; k < static_cast<int>(rows.size()); ++k) {
      const unsigned weight = rows[static_cast<std::size_t>(k)];
      const std::uint8_t* row = in.row(reflected(y + k - reach_down, in.height));
      if (weight != 0) levels.push_back({row, static_cast<std::uint16_t>(weight)});
    }
    add_bytes(levels, count, sums.data() + reach * in.channels);
    reflect_ends(sums.data(), in.width, in.channels, reach);
    add_words(shifted, count, out.row(y));
  }
}

void convolve(ImageView in, const std::vector<double>& weights, int size, ImageView out) {
  const int reach = size / 2, count = in.width * in.channels;
  const std::vector<unsigned> parts = in_parts_of(65536, weights);
  const auto row_values = static_cast<std::size_t>((in.width + 2 * reach) * in.channels);
  std::vector<std::uint16_t> window(row_values * static_cast<std::size_t>(size));  // row r of the image lies at r % size
  int filled = 0;
  std::vector<WordTap> taps;
  for (int y = 0; y < in.height; ++y) {
    for (; filled < std::min(y + reach + 1, in.height); ++filled) {
      std::uint16_t* row = window.data() + row_values * static_cast<std::size_t>(filled % size);
      FASTLOAD_BEST(spread_row, in.row(filled), count, row + reach * in.channels);
      reflect_ends(row, in.width, in.channels, reach);
    }
    taps.clear();
    for (int j = 0; j < size; ++j) {
      const auto slot = static_cast<std::size_t>(reflected(y + j - reach, in.height) % size);
      for (int i = 0; i < size; ++i) {
        const unsigned part = parts[static_cast<std::size_t>(j * size + i)];
        if (part != 0) taps.push_back({window.data() + row_values * slot + i * in.channels, word_weight(part)});
      }
    }
    add_words(taps, count, out.row(y));
  }
}

void sharpen(ImageView in, float factor, ImageView out) {
  const int count = in.width * in.channels;
  for (int y = 0; y < in.height; ++y) {
    std::memcpy(out.row(y), in.row(y), static_cast<std::size_t>(count));
    if (y == 0 || y == in.height - 1 || in.width < 3) continue;
    const std::uint8_t* const rows[3] = {in.row(y - 1), in.row(y), in.row(y + 1)};
    sharpen_row(rows, count, in.channels, factor, out.row(y));
  }
}

void add_noise(ImageView image, double mean, double deviation, std::uint64_t key) noexcept {
  // Eight bytes, each of deviation sqrt((256^2 - 1) / 12).
  const double sum_deviation = std::sqrt(8 * (256.0 * 256.0 - 1) / 12);
  const auto scale = static_cast<float>(deviation / sum_deviation);
  const CounterRandom words(key);
  constexpr int kRun = 512;
  std::uint64_t noise[kRun];
  std::uint64_t drawn = 0;
  for (int y = 0; y < image.height; ++y) {
    const int count = image.width * image.channels;
    for (int begin = 0; begin < count; begin += kRun) {
      const int run = std::min(kRun, count - begin);
      for (int i = 0; i < run; ++i) noise[i] = words.word(drawn++);
      FASTLOAD_BEST(add_noise_row, image.row(y) + begin, reinterpret_cast<const std::uint8_t*>(noise), run, scale,
                    static_cast<float>(mean));
    }
  }
}

}  // namespace fastload
