// The last pass: every value where its place says, and what its level's entry says, by whatever instructions.
#include "kernels/finish.h"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/cpu.h"
#include "core/luminance.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr int kHeight = 3;
constexpr std::uint8_t kUntouched = 0xA5;
constexpr std::size_t kVector = 64;  // bytes, at whose multiples the output begins

// Memory of exactly the rows and their padding, so that a sanitizer sees what is read beyond.
struct Picture {
  Bytes bytes;
  ImageView view;
  Picture(int width, int channels, std::mt19937& random)
      : bytes(static_cast<std::size_t>(kHeight * width * channels) + kRowPadding) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    view = {bytes.data(), kHeight, width, channels, std::ptrdiff_t{width} * channels};
  }
};

// Values as torch makes them, step by step.
std::vector<float> normalised(bool divides, const std::vector<float>& means, const std::vector<float>& deviations) {
  std::vector<float> table;
  for (std::size_t c = 0; c < means.size(); ++c) {
    for (int level = 0; level < 256; ++level) {
      float value = static_cast<float>(level);
      value = divides ? value / 255.0F : value * (1.0F / 255.0F);
      value = value - means[c];
      table.push_back(value / deviations[c]);
    }
  }
  return table;
}

// Runs that cover `width` outputs in all ways there are: the border, forwards, backwards, one pixel again and again.
std::vector<Run> runs_over(int width, std::mt19937& random) {
  std::vector<Run> runs;
  for (int begin = 0; begin < width;) {
    const int kind = static_cast<int>(random() % 4);
    const int count = kind == 3 ? 1 : std::min(width - begin, 1 + static_cast<int>(random() % 40));
    const int first = kind == 0 ? Run::kBorder : static_cast<int>(random() % static_cast<unsigned>(width - count + 1));
    runs.push_back({begin, count, first, kind == 2});
    begin += count;
  }
  return runs;
}

// What output pixel x of a row shows in channel c; row < 0: the border.
std::uint8_t level_at(const ImageView& in, const Placement& placement, int row, int x, int c, int channels) {
  for (const Run& run : placement.columns) {
    if (x < run.begin || x >= run.begin + run.count) continue;
    if (row < 0 || run.first == Run::kBorder) return placement.fill[c];
    const int column = run.first + (run.reversed ? run.count - 1 - (x - run.begin) : x - run.begin);
    const std::uint8_t* pixel = in.row(row) + std::ptrdiff_t{column} * in.channels;
    if (in.channels == 1) return c == 3 ? 255 : pixel[0];
    return channels == 1 ? luminance(pixel[0], pixel[1], pixel[2]) : pixel[c];
  }
  CHECK(false);
  return 0;
}

int row_of(const Placement& placement, int y) {
  for (const Run& run : placement.rows) {
    if (y >= run.begin && y < run.begin + run.count) return run.input(y - run.begin);
  }
  return y;  // without runs, as they come
}

void check_places(const Picture& in, const Placement& placement, const LevelMap& map, const Bytes& table, bool planar) {
  const int width = in.view.width, channels = map.channels();
  const std::size_t size = out_bytes(map.type());
  const auto count = static_cast<std::size_t>(kHeight * width * channels);
  Bytes room(count * size + 1 + kVector, kUntouched);
  std::uint8_t* const out = room.data() + (kVector - reinterpret_cast<std::uintptr_t>(room.data()) % kVector);
  finish_image(in.view, placement, map, kHeight, width, planar, out);
  CHECK(out[count * size] == kUntouched);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const std::uint8_t level = level_at(in.view, placement, row_of(placement, y), x, c, channels);
        const int at = planar ? (c * kHeight + y) * width + x : (y * width + x) * channels + c;
        const std::uint8_t* value = out + static_cast<std::size_t>(at) * size;
        const std::size_t entry = static_cast<std::size_t>(c * 256 + level) * size;
        CHECK(map.is_identity() ? *value == level : std::memcmp(value, table.data() + entry, size) == 0);
      }
    }
  }
}

void every_value_is_where_its_run_says() {
  std::mt19937 random(1);
  const std::vector<float> means{0.485F, 0.456F, 0.406F, 0.5F}, deviations{0.229F, 0.224F, 0.225F, 0.25F};
  for (const OutType type : {OutType::kUint8, OutType::kFloat16, OutType::kFloat32}) {
    for (const int channels : {1, 3, 4}) {
      Bytes table(static_cast<std::size_t>(channels) * 256 * out_bytes(type));
      for (std::uint8_t& byte : table) byte = static_cast<std::uint8_t>(random());
      if (type == OutType::kFloat32) {
        const auto used = [&](const std::vector<float>& all) { return std::vector<float>(all.begin(), all.begin() + channels); };
        const std::vector<float> values = normalised(true, used(means), used(deviations));
        std::memcpy(table.data(), values.data(), table.size());
      }
      const LevelMap map(type, channels, type == OutType::kUint8 ? nullptr : table.data());
      for (const int width : {1, 2, 7, 16, 33, 100, 139}) {
        const Picture grey(width, 1, random), colour(width, 4, random);
        const std::vector<Run> columns = runs_over(width, random);
        const Run rows[] = {{0, 1, Run::kBorder, false}, {1, 2, 0, true}};
        Placement placement{rows, columns};
        for (std::uint8_t& level : placement.fill) level = static_cast<std::uint8_t>(random());
        for (const bool planar : {false, true}) {
          for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
            limit_simd(most);
            check_places(grey, placement, map, table, planar);
            check_places(colour, placement, map, table, planar);
          }
        }
      }
    }
  }
}

void arithmetic_gives_the_bits_of_the_table() {
  std::mt19937 random(2);
  const std::vector<float> means{0.485F, 0.456F, 0.406F}, deviations{0.229F, 0.224F, 0.225F};
  for (const bool divides : {true, false}) {
    const std::vector<float> table = normalised(divides, means, deviations);
    const LevelMap map(OutType::kFloat32, 3, table.data());
    CHECK(map.arithmetic() != nullptr && map.arithmetic()->divides == divides);
    Bytes bytes(table.size() * sizeof(float));
    std::memcpy(bytes.data(), table.data(), bytes.size());
    const int larger_than_a_cache = 1 << 18;
    for (const int width : {1, 7, 8, 9, 15, 16, 17, 100, larger_than_a_cache, larger_than_a_cache + 1}) {
      const Picture in(width, 4, random);
      for (const bool reversed : {false, true}) {
        const Run columns{0, width, 0, reversed};
        const Placement placement{{}, std::span(&columns, 1)};
        for (const bool planar : {false, true}) {
          for (const Simd most : {Simd::kScalar, Simd::kAvx2, Simd::kAvx512}) {
            limit_simd(most);
            check_places(in, placement, map, bytes, planar);
          }
        }
      }
    }
  }
}

void a_table_of_anything_else_is_looked_up() {
  std::vector<float> table(256);
  for (int level = 0; level < 256; ++level) table[static_cast<std::size_t>(level)] = std::sqrt(static_cast<float>(level));
  CHECK(LevelMap(OutType::kFloat32, 1, table.data()).arithmetic() == nullptr);
}

}  // namespace

int main() {
  every_value_is_where_its_run_says();
  arithmetic_gives_the_bits_of_the_table();
  a_table_of_anything_else_is_looked_up();
}
