#include "kernels/clahe.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "kernels/lab.h"

namespace fastload {
namespace {

constexpr int kLevels = 256;
using Tile = std::array<std::uint8_t, kLevels>;  // what each level becomes

int reflected(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = std::abs(i) % period;
  return i < size ? i : period - i;
}

// Takes off what is above the limit, and deals it out evenly; what does not divide goes to levels at even distances.
void limit_counts(std::array<int, kLevels>* counts, int limit) {
  int taken = 0;
  for (int& count : *counts) {
    taken += std::max(0, count - limit);
    count = std::min(count, limit);
  }
  const int each = taken / kLevels;
  int left = taken - each * kLevels;
  for (int& count : *counts) count += each;
  if (left == 0) return;
  const int step = std::max(kLevels / left, 1);
  for (int level = 0; level < kLevels && left > 0; level += step, --left) ++(*counts)[static_cast<std::size_t>(level)];
}

// One channel of 8 bits, dense.
class Tiles {
 public:
  Tiles(const std::uint8_t* levels, int height, int width, double limit, int down, int across)
      : down_(down), across_(across), rows_(height / down), columns_(width / across) {
    // OpenCV's: if only one of the sides can be divided, both get longer.
    if (height % down != 0 || width % across != 0) {
      ++rows_;
      ++columns_;
    }
    const int area = rows_ * columns_;
    const int most = limit > 0 ? static_cast<int>(std::clamp(limit * area / kLevels, 1.0, double{INT_MAX})) : area;
    for (int i = 0; i < down; ++i) {
      for (int j = 0; j < across; ++j) tiles_.push_back(tile(levels, height, width, i, j, most));
    }
    for (int x = 0; x < width; ++x) places_.push_back(place(x, columns_, across_));
    blended_.resize(static_cast<std::size_t>(across_));
  }

  // Row y, which is as wide as the image. Between the middles of tiles, what they say is interpolated.
  void apply(std::uint8_t* levels, int y) {
    const Place row = place(y, rows_, down_);
    for (int j = 0; j < across_; ++j) {
      const Tile &upper = at(row.first, j), &lower = at(row.second, j);
      auto& blended = blended_[static_cast<std::size_t>(j)];
      for (std::size_t level = 0; level < kLevels; ++level) {
        blended[level] = (1 - row.part) * static_cast<float>(upper[level]) + row.part * static_cast<float>(lower[level]);
      }
    }
    for (const Place& column : places_) {
      const float left = blended_[static_cast<std::size_t>(column.first)][*levels];
      const float right = blended_[static_cast<std::size_t>(column.second)][*levels];
      *levels++ = static_cast<std::uint8_t>((1 - column.part) * left + column.part * right + 0.5F);
    }
  }

 private:
  struct Place {
    int first, second;
    float part;
  };

  static Place place(int position, int length, int count) {
    const float at = static_cast<float>(position) / static_cast<float>(length) - 0.5F;
    const int first = static_cast<int>(std::floor(at));
    return {std::max(first, 0), std::min(first + 1, count - 1), at - static_cast<float>(first)};
  }

  // Tiles may reach beyond the image, which is reflected there.
  Tile tile(const std::uint8_t* levels, int height, int width, int i, int j, int most) const {
    std::array<int, kLevels> counts{};
    const int begin = j * columns_, end = begin + columns_, inside = std::clamp(width, begin, end);
    for (int y = i * rows_; y < (i + 1) * rows_; ++y) {
      const std::uint8_t* row = levels + static_cast<std::ptrdiff_t>(reflected(y, height)) * width;
      for (int x = begin; x < inside; ++x) ++counts[row[x]];
      for (int x = inside; x < end; ++x) ++counts[row[reflected(x, width)]];
    }
    limit_counts(&counts, most);
    Tile tile;
    const float scale = 255.0F / static_cast<float>(rows_ * columns_);
    int sum = 0;
    for (std::size_t level = 0; level < kLevels; ++level) {
      sum += counts[level];
      tile[level] = static_cast<std::uint8_t>(std::min(std::lrintf(static_cast<float>(sum) * scale), 255L));
    }
    return tile;
  }

  const Tile& at(int i, int j) const { return tiles_[static_cast<std::size_t>(i * across_ + j)]; }

  int down_, across_, rows_, columns_;
  std::vector<Tile> tiles_;
  std::vector<Place> places_;
  std::vector<std::array<float, kLevels>> blended_;  // of the tiles above and below the current row
};

}  // namespace

void equalize_tiles(ImageView in, double limit, int tiles_down, int tiles_across, ImageView out) {
  const int height = in.height, width = in.width;
  const auto pixels = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  const bool is_grey = in.channels == 1;
  std::vector<std::uint8_t> levels(pixels);
  std::vector<float> x(is_grey ? 0 : pixels), z(x.size());
  const auto row_of = [&](int y) {
    const std::ptrdiff_t begin = std::ptrdiff_t{y} * width;
    return LabRow{levels.data() + begin, is_grey ? nullptr : x.data() + begin, is_grey ? nullptr : z.data() + begin};
  };
  for (int y = 0; y < height; ++y) {
    if (is_grey) {
      std::memcpy(row_of(y).lightness, in.row(y), static_cast<std::size_t>(width));
    } else {
      to_lab(in.row(y), in.channels, width, row_of(y));
    }
  }
  Tiles tiles(levels.data(), height, width, limit, tiles_down, tiles_across);
  for (int y = 0; y < height; ++y) {
    const LabRow row = row_of(y);
    tiles.apply(row.lightness, y);
    if (is_grey) {
      std::memcpy(out.row(y), row.lightness, static_cast<std::size_t>(width));
    } else {
      from_lab(row, width, in.channels, out.row(y));
    }
  }
}

}  // namespace fastload
