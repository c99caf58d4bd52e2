// The bits of a JPEG scan, in which a byte of 255 is followed by one of 0, or else begins a marker.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace fastload {

// Plain data, so that a loop may keep a copy in registers.
struct BitReader {
  std::uint64_t window = 0;  // the next bits, the first of them on top
  int count = 0;             // how many of them are there; below 0 once more were taken than there are
  const std::uint8_t* next = nullptr;
  const std::uint8_t* end = nullptr;

  void take(int bits) noexcept {
    window <<= bits & 63;
    count -= bits;
  }

  // At least 56 bits, unless a marker or the end of the data comes first: zeros then.
  [[gnu::always_inline]] inline void fill() noexcept {
    if (end - next >= 8) [[likely]] {
      std::uint64_t bytes;
      std::memcpy(&bytes, next, sizeof(bytes));
      if constexpr (std::endian::native == std::endian::little) bytes = __builtin_bswap64(bytes);
      if (!has_255(bytes)) [[likely]] {
        // What goes beyond the last whole byte is overwritten by the same bits next time.
        window |= bytes >> count;
        next += (63 - count) >> 3;
        count |= 56;
        return;
      }
    }
    fill_by_bytes();
  }

  bool is_at_marker() const noexcept { return end - next >= 2 && next[0] == 0xFF && next[1] != 0; }

 private:
  static bool has_255(std::uint64_t bytes) noexcept {
    return ((~bytes - 0x0101010101010101u) & bytes & 0x8080808080808080u) != 0;
  }

  [[gnu::noinline, gnu::cold]] void fill_by_bytes() noexcept {
    if (count < 0) return;
    while (count <= 56 && next != end && !is_at_marker()) {
      const std::uint64_t byte = *next;
      if (byte == 0xFF && end - next < 2) return;
      next += byte == 0xFF ? 2 : 1;
      window |= byte << (56 - count);
      count += 8;
    }
  }
};

}  // namespace fastload
