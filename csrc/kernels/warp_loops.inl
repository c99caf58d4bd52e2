// Loops over the places of a mesh, compiled twice: for any processor, and for AVX2. Included within a namespace; uses
// <cstddef>, <cstdint>, kernels/warp_rows.h.

// What fixed() makes of each place, an (x, y); and how many of them lie within width x height.
int fixed_mesh_run(const float* places, int count, int width, int height, std::int32_t* xs, std::int32_t* ys) noexcept {
  constexpr double kUnit = 1 << kWarpBits;
  const auto right = static_cast<float>(width), bottom = static_cast<float>(height);
  int inside = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const float x = places[2 * i], y = places[2 * i + 1];
    inside += static_cast<int>((x >= 0) & (x < right) & (y >= 0) & (y < bottom));
    const double near_x = x < -kFarthest ? -kFarthest : x > kFarthest ? kFarthest : x;
    const double near_y = y < -kFarthest ? -kFarthest : y > kFarthest ? kFarthest : y;
    xs[i] = static_cast<std::int32_t>(__builtin_floor(near_x * kUnit - kUnit / 2 + 0.5));
    ys[i] = static_cast<std::int32_t>(__builtin_floor(near_y * kUnit - kUnit / 2 + 0.5));
  }
  return inside;
}
