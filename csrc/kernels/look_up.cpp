#include "kernels/look_up.h"

#include <cstring>

#include "core/cpu.h"

namespace fastload {
namespace {

bool is_folded(const std::array<std::uint8_t, 256>& table, FoldedTable* folded) noexcept {
  *folded = {0, 0, 0};
  for (const std::uint8_t level : table) folded->mask |= level;
  for (int level = 0; level < 256; ++level) {
    if (table[static_cast<std::size_t>(level)] == (level & folded->mask)) continue;
    folded->from = static_cast<std::uint8_t>(level);
    folded->flip = 255;
    break;
  }
  for (int level = 0; level < 256; ++level) {
    if (table[static_cast<std::size_t>(level)] != (*folded)(static_cast<std::uint8_t>(level))) return false;
  }
  return true;
}

void fold_run(const std::uint8_t* in, std::ptrdiff_t count, FoldedTable folded, std::uint8_t* out) noexcept {
#if defined(__x86_64__)
  if (simd() != Simd::kScalar) return avx2::fold_run(in, count, folded, out);
#endif
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = folded(in[i]);
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

void look_up(ImageView in, const LevelTable& table, ImageView out) noexcept {
  if (in.channels != 1 && (table[0] != table[1] || table[1] != table[2])) {
    return in.channels == 3 ? look_up_channels<3>(in, table, out) : look_up_channels<4>(in, table, out);
  }
  std::ptrdiff_t count = std::ptrdiff_t{in.width} * in.channels;
  int rows = in.height;
  if (in.row_bytes == count && out.row_bytes == count) {
    count *= rows;
    rows = 1;
  }
  FoldedTable folded;
  const bool folds = is_folded(table[0], &folded);
  for (int y = 0; y < rows; ++y) {
    if (folds) {
      fold_run(in.row(y), count, folded, out.row(y));
    } else {
      look_up_run(in.row(y), count, table[0].data(), out.row(y));
    }
  }
}

}  // namespace fastload
