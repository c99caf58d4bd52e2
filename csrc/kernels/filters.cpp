#include "kernels/filters.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/cpu.h"
#include "kernels/counter_random.h"
#include "kernels/filter_rows.h"

namespace fastload {
namespace {

namespace plain {

#include "kernels/filter_loops.inl"

}  // namespace plain

#if defined(__x86_64__)
#define FASTLOAD_BEST(function, ...) \
  (simd() != Simd::kScalar ? avx2::function(__VA_ARGS__) : plain::function(__VA_ARGS__))
#else
#define FASTLOAD_BEST(function, ...) plain::function(__VA_ARGS__)
#endif

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
  std::vector<std::uint16_t> blurred(static_cast<std::size_t>(count));
  std::uint16_t* middle = sums.data() + reach * in.channels;
  for (int y = 0; y < in.height; ++y) {
    std::fill(middle, middle + count, std::uint16_t{0});
    for (int k = 0; k < static_cast<int>(rows.size()); ++k) {
      const unsigned weight = rows[static_cast<std::size_t>(k)];
      if (weight != 0) FASTLOAD_BEST(add_row, middle, in.row(reflected(y + k - reach_down, in.height)), count, weight);
    }
    if (columns.size() == 1) {
      FASTLOAD_BEST(round_row, middle, count, out.row(y));
      continue;
    }
    reflect_ends(sums.data(), in.width, in.channels, reach);
    std::fill(blurred.begin(), blurred.end(), static_cast<std::uint16_t>(columns.size() / 2));  // what cutting off loses
    for (std::size_t k = 0; k < columns.size(); ++k) {
      if (columns[k] == 0) continue;
      FASTLOAD_BEST(add_shifted, blurred.data(), sums.data() + static_cast<int>(k) * in.channels, count,
                    std::min(columns[k], 65535u));
    }
    FASTLOAD_BEST(round_row, blurred.data(), count, out.row(y));
  }
}

void convolve(ImageView in, const std::vector<float>& weights, int size, ImageView out) {
  const int reach = size / 2, count = in.width * in.channels;
  std::vector<std::uint8_t> padded(static_cast<std::size_t>((in.width + 2 * reach) * in.channels));
  std::vector<float> sums(static_cast<std::size_t>(count));
  for (int y = 0; y < in.height; ++y) {
    std::fill(sums.begin(), sums.end(), 0.5F);
    for (int j = 0; j < size; ++j) {
      std::memcpy(padded.data() + reach * in.channels, in.row(reflected(y + j - reach, in.height)), static_cast<std::size_t>(count));
      reflect_ends(padded.data(), in.width, in.channels, reach);
      for (int i = 0; i < size; ++i) {
        const float weight = weights[static_cast<std::size_t>(j * size + i)];
        if (weight != 0) FASTLOAD_BEST(add_weighted, sums.data(), padded.data() + i * in.channels, count, weight);
      }
    }
    std::uint8_t* row = out.row(y);
    for (int i = 0; i < count; ++i) row[i] = static_cast<std::uint8_t>(std::clamp(sums[static_cast<std::size_t>(i)], 0.0F, 255.0F));
  }
}

void sharpen(ImageView in, float factor, ImageView out) {
  const int count = in.width * in.channels;
  for (int y = 0; y < in.height; ++y) {
    std::memcpy(out.row(y), in.row(y), static_cast<std::size_t>(count));
    if (y == 0 || y == in.height - 1 || in.width < 3) continue;
    const std::uint8_t* const rows[3] = {in.row(y - 1), in.row(y), in.row(y + 1)};
    FASTLOAD_BEST(sharpen_row, rows, count, in.channels, factor, out.row(y));
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
