#include "kernels/look_up.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/cpu.h"

namespace fastload {
namespace {

constexpr std::ptrdiff_t kWorthALine = 1 << 14;  // bytes: finding the line takes as long as looking up in some thousand

bool is_folded(const std::array<std::uint8_t, 256>& table, FoldedTable* folded) noexcept {
  *folded = {0, 0, 0};
  for (const std::uint8_t level : table) folded->mask |= level;
  for (int level = 0; level < 256; ++level) {
    if (table[static_cast<std::size_t>(level)] == (level & folded->mask)) continue;
    folded->from = static_cast<std::uint8_t>(level);
    folded->flip = 255;
    break;
  }
  int differing = 0;  // bits; without a branch, this is done by vectors
  for (int level = 0; level < 256; ++level) {
    differing |= table[static_cast<std::size_t>(level)] ^ (*folded)(static_cast<std::uint8_t>(level));
  }
  return differing == 0;
}

void fold_run(const std::uint8_t* in, std::ptrdiff_t count, FoldedTable folded, std::uint8_t* out) noexcept {
#if defined(__x86_64__)
  if (simd() != Simd::kScalar) return avx2::fold_run(in, count, folded, out);
#endif
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = folded(in[i]);
}

// Finds a line with that slope through the levels of [first, last]. How much it misses some by; 0 or less if there is one.
std::int32_t missed_by(const std::array<std::uint8_t, 256>& table, int first, int last, LineTable* line) noexcept {
  std::int32_t least = std::numeric_limits<std::int32_t>::min(), most = std::numeric_limits<std::int32_t>::max();
  for (int level = first; level <= last; ++level) {
    const std::int32_t made = table[static_cast<std::size_t>(level)] << LineTable::kBits, base = level * line->slope;
    least = std::max(least, made - base);
    most = std::min(most, made + (1 << LineTable::kBits) - 1 - base);
  }
  line->offset = least + (most - least) / 2;
  return least - most;
}

// The slope is that of the line with the least squares through what is not cut off, or one near it.
bool is_line(const std::array<std::uint8_t, 256>& table, LineTable* line) noexcept {
  constexpr int kLeastLevels = 16, kSteepest = (1 << 15) - 1, kMostAside = 16;
  const auto is_cut_off = [&](int level) { return table[static_cast<std::size_t>(level)] % 255 == 0; };
  int first = 0, last = 255;
  while (first < last && is_cut_off(first)) ++first;
  while (first < last && is_cut_off(last)) --last;
  const int count = last - first + 1;
  if (count < kLeastLevels) return false;
  double sum = 0;
  for (int level = first; level <= last; ++level) sum += (2 * level - first - last) * table[static_cast<std::size_t>(level)];
  const double slope = sum * 6 / (static_cast<double>(count) * count * count - count) * (1 << LineTable::kBits);
  if (std::fabs(slope) > kSteepest - 100) return false;
  for (int number = 0; number < 2 * kMostAside; ++number) {
    const int aside = number % 2 == 0 ? number / 2 : -(number + 1) / 2;
    line->slope = static_cast<std::int32_t>(std::lround(slope)) + aside;
    const std::int32_t missed = missed_by(table, first, last, line);
    if (number == 0 && missed > kMostAside * (last - first)) return false;  // no slope near that one is it
    if (missed > 0) continue;
    int level = 0;
    while (level < 256 && table[static_cast<std::size_t>(level)] == (*line)(static_cast<std::uint8_t>(level))) ++level;
    if (level == 256) return true;
  }
  return false;
}

void line_run(const std::uint8_t* in, std::ptrdiff_t count, LineTable line, std::uint8_t* out) noexcept {
#if defined(__x86_64__)
  if (simd() != Simd::kScalar) return avx2::line_run(in, count, line, out);
#endif
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = line(in[i]);
}

void look_up_run(const std::uint8_t* in, std::ptrdiff_t count, const std::uint8_t* table, std::uint8_t* out) noexcept {
#if defined(__x86_64__)
  if (simd() == Simd::kAvx512) return avx512::look_up_run(in, count, table, out);
  if (simd() == Simd::kAvx2) return avx2::look_up_run(in, count, table, out);
#endif
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = table[in[i]];
}

template <int kBytes>
void look_up_channels(ImageView in, const LevelTable& table, ImageView out) noexcept {
  for (int y = 0; y < in.height; ++y) {
    const std::uint8_t* from = in.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < in.width; ++x, from += kBytes, to += kBytes) {
      const std::uint8_t made[3] = {table[0][from[0]], table[1][from[1]], table[2][from[2]]};
      std::memcpy(to, made, 3);
    }
  }
}

}  // namespace

LookUp::LookUp(const LevelTable& table, int channels, std::ptrdiff_t bytes) noexcept : table_(table) {
  if (channels != 1 && (table[0] != table[1] || table[1] != table[2])) {
    way_ = Way::kByChannel;
  } else if (is_folded(table[0], &folded_)) {
    way_ = Way::kFold;
  } else if (simd() == Simd::kAvx2 && bytes >= kWorthALine && is_line(table[0], &line_)) {
    way_ = Way::kLine;  // AVX-512 looks up as quickly as it computes
  }
}

void LookUp::run(ImageView in, ImageView out) const noexcept {
  if (way_ == Way::kByChannel) {
    return in.channels == 3 ? look_up_channels<3>(in, table_, out) : look_up_channels<4>(in, table_, out);
  }
  const std::ptrdiff_t count = std::ptrdiff_t{in.width} * in.channels;
  if (in.row_bytes == count && out.row_bytes == count) return run(in.data, count * in.height, out.data);
  for (int y = 0; y < in.height; ++y) run(in.row(y), count, out.row(y));
}

void LookUp::run(const std::uint8_t* in, std::ptrdiff_t count, std::uint8_t* out) const noexcept {
  switch (way_) {
    case Way::kFold: return fold_run(in, count, folded_, out);
    case Way::kLine: return line_run(in, count, line_, out);
    default: return look_up_run(in, count, table_[0].data(), out);
  }
}

}  // namespace fastload
