// Copying of bytes for every kernel: the plain way and the way around the caches.
#pragma once

#include <cstddef>
#include <cstring>

namespace fastload {

// dst[i] = src[i] for i < n, by the calling thread. The ranges must not overlap; n may be 0.
inline void copy_bytes(void* dst, const void* src, std::size_t n) noexcept {
  if (n != 0) std::memcpy(dst, src, n);
}

// The same result; the written lines do not stay in the caches. For many bytes that this core will not read soon.
inline void copy_bytes_streaming(void* dst, const void* src, std::size_t n) noexcept { copy_bytes(dst, src, n); }

}  // namespace fastload
