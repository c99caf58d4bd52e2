#include "kernels/clahe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

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
      : down_(down), across_(across), rows_((height + down - 1) / down), columns_((width + across - 1) / across) {
    const int area = rows_ * columns_;
    const int most = limit > 0 ? std::max(static_cast<int>(limit * area / kLevels), 1) : area;
    for (int i = 0; i < down; ++i) {
      for (int j = 0; j < across; ++j) tiles_.push_back(tile(levels, height, width, i, j, most));
    }
  }

  // Between the middles of tiles, what they say is interpolated.
  void apply(std::uint8_t* levels, int height, int width) const {
    std::vector<Place> columns;
    for (int x = 0; x < width; ++x) columns.push_back(place(x, columns_, across_));
    for (int y = 0; y < height; ++y) {
      const Place row = place(y, rows_, down_);
      for (int x = 0; x < width; ++x) {
        const Place& column = columns[static_cast<std::size_t>(x)];
        const std::size_t level = levels[y * width + x];
        const float upper = (1 - column.part) * at(row.first, column.first)[level] + column.part * at(row.first, column.second)[level];
        const float lower = (1 - column.part) * at(row.second, column.first)[level] + column.part * at(row.second, column.second)[level];
        levels[y * width + x] = static_cast<std::uint8_t>(std::lrintf((1 - row.part) * upper + row.part * lower));
      }
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

  Tile tile(const std::uint8_t* levels, int height, int width, int i, int j, int most) const {
    std::array<int, kLevels> counts{};
    for (int y = i * rows_; y < (i + 1) * rows_; ++y) {
      const std::uint8_t* row = levels + static_cast<std::ptrdiff_t>(reflected(y, height)) * width;
      for (int x = j * columns_; x < (j + 1) * columns_; ++x) ++counts[row[reflected(x, width)]];
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
};

// CIELAB of sRGB colours under D65, by tables: of the levels' linear light, of the cube root, and back.
class Lab {
 public:
  static const Lab& get() {
    static const Lab lab;
    return lab;
  }

  struct Roots {
    float x, y, z;  // f(X / Xn), f(Y / Yn), f(Z / Zn)
  };

  Roots roots(const std::uint8_t* p) const {
    const float r = light_[p[0]], g = light_[p[1]], b = light_[p[2]];
    return {root(0.433953F * r + 0.376219F * g + 0.189828F * b), root(0.212671F * r + 0.715160F * g + 0.072169F * b),
            root(0.017758F * r + 0.109477F * g + 0.872766F * b)};
  }

  static std::uint8_t lightness(float y) { return static_cast<std::uint8_t>(std::lrintf((116 * y - 16) * 2.55F)); }

  // The colour that has the lightness `level` and the a and b of `roots`.
  void put(Roots roots, std::uint8_t level, std::uint8_t* p) const {
    const float y = (static_cast<float>(level) / 2.55F + 16) / 116;
    const float up = y - roots.y;
    const float x = cube(roots.x + up) * 0.950456F, z = cube(roots.z + up) * 1.088754F, l = cube(y);
    p[0] = level_of(3.240479F * x - 1.537150F * l - 0.498535F * z);
    p[1] = level_of(-0.969256F * x + 1.875991F * l + 0.041556F * z);
    p[2] = level_of(0.055648F * x - 0.204043F * l + 1.057311F * z);
  }

 private:
  static constexpr int kSteps = 8192;
  static constexpr float kSmall = 0.008856F;

  Lab() {
    for (int level = 0; level < kLevels; ++level) {
      const double v = level / 255.0;
      light_[static_cast<std::size_t>(level)] =
          static_cast<float>(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
    }
    for (int i = 0; i <= kSteps; ++i) {
      const double v = static_cast<double>(i) / kSteps;
      roots_.push_back(static_cast<float>(v > kSmall ? std::cbrt(v) : 7.787 * v + 16.0 / 116));
      levels_.push_back(static_cast<float>(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055)));
    }
    roots_.push_back(roots_.back());
    levels_.push_back(levels_.back());
  }

  static float looked_up(const std::vector<float>& table, float value) {
    const float at = std::clamp(value, 0.0F, 1.0F) * kSteps;
    const auto first = static_cast<std::size_t>(at);
    return table[first] + (at - static_cast<float>(first)) * (table[first + 1] - table[first]);
  }
  float root(float value) const { return looked_up(roots_, value); }
  static float cube(float root) {
    return root > 0.206893F ? root * root * root : (root - 16.0F / 116) / 7.787F;
  }
  std::uint8_t level_of(float light) const { return static_cast<std::uint8_t>(looked_up(levels_, light) + 0.5F); }

  std::array<float, kLevels> light_;
  std::vector<float> roots_, levels_;
};

}  // namespace

void equalize_tiles(ImageView image, double limit, int tiles_down, int tiles_across) {
  const int height = image.height, width = image.width;
  std::vector<std::uint8_t> levels(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  std::vector<Lab::Roots> roots(image.channels == 1 ? 0 : levels.size());
  const Lab& lab = Lab::get();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
      const std::uint8_t* p = image.row(y) + x * image.channels;
      if (image.channels == 1) {
        levels[i] = *p;
      } else {
        roots[i] = lab.roots(p);
        levels[i] = Lab::lightness(roots[i].y);
      }
    }
  }
  Tiles(levels.data(), height, width, limit, tiles_down, tiles_across).apply(levels.data(), height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
      std::uint8_t* p = image.row(y) + x * image.channels;
      if (image.channels == 1) {
        *p = levels[i];
      } else {
        lab.put(roots[i], levels[i], p);
      }
    }
  }
}

}  // namespace fastload
