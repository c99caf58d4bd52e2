// Loops over pixels, compiled twice: for any processor, and for AVX2. No branches, so that compilers make vectors of
// them. Included within a namespace; uses <cmath>, <cstdint>, kernels/color.h.

inline float limited(float value, float low, float high) noexcept {
  value = value < low ? low : value;
  return value > high ? high : value;
}

void mix_run(std::uint8_t* pixels, int count, const ColorMatrix& matrix) noexcept {
  const ColorMatrix k = matrix;
  for (int i = 0; i < count; ++i) {
    std::uint8_t* p = pixels + 4 * i;
    const float r = p[0], g = p[1], b = p[2];
    const float x = k.m[0][0] * r + k.m[0][1] * g + k.m[0][2] * b + k.m[0][3];
    const float y = k.m[1][0] * r + k.m[1][1] * g + k.m[1][2] * b + k.m[1][3];
    const float z = k.m[2][0] * r + k.m[2][1] * g + k.m[2][2] * b + k.m[2][3];
    p[0] = static_cast<std::uint8_t>(static_cast<int>(limited(x, 0, 255)));
    p[1] = static_cast<std::uint8_t>(static_cast<int>(limited(y, 0, 255)));
    p[2] = static_cast<std::uint8_t>(static_cast<int>(limited(z, 0, 255)));
  }
}

void saturate_run(std::uint8_t* pixels, int count, float factor) noexcept {
  for (int i = 0; i < count; ++i) {
    std::uint8_t* p = pixels + 4 * i;
    const int r = p[0], g = p[1], b = p[2];
    const float grey = static_cast<float>((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
    const float x = grey + factor * (static_cast<float>(r) - grey);
    const float y = grey + factor * (static_cast<float>(g) - grey);
    const float z = grey + factor * (static_cast<float>(b) - grey);
    p[0] = static_cast<std::uint8_t>(static_cast<int>(limited(x, 0, 255)));
    p[1] = static_cast<std::uint8_t>(static_cast<int>(limited(y, 0, 255)));
    p[2] = static_cast<std::uint8_t>(static_cast<int>(limited(z, 0, 255)));
  }
}

// A colour of hue h (in sixths of a turn), saturation s and value v has, in the channel whose hue is n sixths,
// v - v * s * max(0, min(k, 4 - k, 1)) with k = (n + h) mod 6, n being 5, 3, 1 for red, green, blue.
inline float channel_of(float n, float hue, float value, float chroma) noexcept {
  float k = n + hue;
  k = k >= 6 ? k - 6 : k;
  const float rise = k < 4 - k ? k : 4 - k;
  return value - chroma * limited(rise, 0, 1);
}

void shift_hsv_run(std::uint8_t* pixels, int count, const HsvShift& shift) noexcept {
  const float turn = 6 * (shift.hue - std::floor(shift.hue));
  const float more_saturation = shift.saturation, more_value = 255 * shift.value;
  for (int i = 0; i < count; ++i) {
    std::uint8_t* p = pixels + 4 * i;
    const float r = p[0], g = p[1], b = p[2];
    const float most = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const float least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    const float chroma = most - least;
    const float part = 1 / (chroma > 0 ? chroma : 1);
    const float from_red = (g - b) * part, from_green = 2 + (b - r) * part, from_blue = 4 + (r - g) * part;
    float hue = most == r ? from_red : most == g ? from_green : from_blue;
    hue = hue < 0 ? hue + 6 : hue;
    hue += turn;
    hue = hue >= 6 ? hue - 6 : hue;
    const float saturation = limited(chroma / (most > 0 ? most : 1) + more_saturation, 0, 1);
    const float value = limited(most + more_value, 0, 255);
    const float spread = value * saturation;
    p[0] = static_cast<std::uint8_t>(static_cast<int>(channel_of(5, hue, value, spread) + 0.5F));
    p[1] = static_cast<std::uint8_t>(static_cast<int>(channel_of(3, hue, value, spread) + 0.5F));
    p[2] = static_cast<std::uint8_t>(static_cast<int>(channel_of(1, hue, value, spread) + 0.5F));
  }
}

std::uint32_t luminance_run(const std::uint8_t* pixels, int count) noexcept {
  std::uint32_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint8_t* p = pixels + 4 * i;
    sum += (19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16;
  }
  return sum;
}
