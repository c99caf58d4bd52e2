// Loops over pixels, compiled twice: for any processor, and for AVX2. No branches, and whole pixels read and written as
// words, so that compilers make vectors of them. Included within a namespace; uses <cmath>, <cstdint>, <cstring>,
// kernels/color.h.

inline std::uint32_t word_at(const std::uint8_t* pixels, int i) noexcept {
  std::uint32_t word;
  std::memcpy(&word, pixels + std::ptrdiff_t{4} * i, 4);
  return word;
}

inline int byte_of(std::uint32_t word, int c) noexcept { return static_cast<int>(word >> (8 * c) & 0xFF); }

// Three channels, each in [0, 256) and cut to whole numbers.
inline void put_word(std::uint8_t* pixels, int i, float x, float y, float z) noexcept {
  const std::uint32_t word = static_cast<std::uint32_t>(static_cast<int>(x)) |
                             static_cast<std::uint32_t>(static_cast<int>(y)) << 8 |
                             static_cast<std::uint32_t>(static_cast<int>(z)) << 16 | 0xFF000000u;
  std::memcpy(pixels + std::ptrdiff_t{4} * i, &word, 4);
}

inline float larger(float a, float b) noexcept { return a > b ? a : b; }
inline float smaller(float a, float b) noexcept { return a < b ? a : b; }

inline float limited(float value, float low, float high) noexcept {
  value = value < low ? low : value;
  return value > high ? high : value;
}

inline std::uint32_t mixed_channel(const ColorMix& mix, int channel, int r, int g, int b) noexcept {
  const auto& weights = mix.weights[channel];
  const int level = (weights[0] * r + weights[1] * g + weights[2] * b + mix.constants[channel]) >> kMixBits;
  return static_cast<std::uint32_t>(level < 0 ? 0 : level > 255 ? 255 : level);
}

inline void put_mixed(std::uint8_t* pixels, int i, const ColorMix& mix) noexcept {
  const std::uint32_t word = word_at(pixels, i);
  const int r = byte_of(word, 0), g = byte_of(word, 1), b = byte_of(word, 2);
  const std::uint32_t made = mixed_channel(mix, 0, r, g, b) | mixed_channel(mix, 1, r, g, b) << 8 |
                             mixed_channel(mix, 2, r, g, b) << 16 | 0xFF000000u;
  std::memcpy(pixels + std::ptrdiff_t{4} * i, &made, 4);
}

void permute_run(std::uint8_t* pixels, int count, const int order[3]) noexcept {
  const int first = 8 * order[0], second = 8 * order[1], third = 8 * order[2];
  for (int i = 0; i < count; ++i) {
    const std::uint32_t word = word_at(pixels, i);
    const std::uint32_t made =
        (word >> first & 0xFF) | (word >> second & 0xFF) << 8 | (word >> third & 0xFF) << 16 | 0xFF000000u;
    std::memcpy(pixels + std::ptrdiff_t{4} * i, &made, 4);
  }
}

void saturate_run(std::uint8_t* pixels, int count, float factor) noexcept {
  for (int i = 0; i < count; ++i) {
    const std::uint32_t word = word_at(pixels, i);
    const int r = byte_of(word, 0), g = byte_of(word, 1), b = byte_of(word, 2);
    const float grey = static_cast<float>((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
    const float x = grey + factor * (static_cast<float>(r) - grey);
    const float y = grey + factor * (static_cast<float>(g) - grey);
    const float z = grey + factor * (static_cast<float>(b) - grey);
    put_word(pixels, i, limited(x, 0, 255), limited(y, 0, 255), limited(z, 0, 255));
  }
}

inline void put_grey(std::uint8_t* pixels, int i) noexcept {
  const std::uint32_t word = word_at(pixels, i);
  const std::uint32_t grey =
      (19595u * (word & 0xFF) + 38470u * (word >> 8 & 0xFF) + 7471u * (word >> 16 & 0xFF) + 0x8000u) >> 16;
  const std::uint32_t made = grey * 0x010101u | 0xFF000000u;
  std::memcpy(pixels + std::ptrdiff_t{4} * i, &made, 4);
}

// A colour of hue h (in sixths of a turn), saturation s and value v has, in the channel whose hue is n sixths,
// v - v * s * max(0, min(k, 4 - k, 1)) with k = (n + h) mod 6, n being 5, 3, 1 for red, green, blue.
inline float channel_of(float n, float hue, float value, float chroma) noexcept {
  const float whole = n + hue;
  const float k = whole >= 6 ? whole - 6 : whole;
  return value - chroma * limited(smaller(k, 4 - k), 0, 1);
}

void shift_hsv_run(std::uint8_t* pixels, int count, const HsvShift& shift) noexcept {
  const float turn = 6 * (shift.hue - std::floor(shift.hue));
  const float more_saturation = shift.saturation, more_value = 255 * shift.value;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t word = word_at(pixels, i);
    const auto r = static_cast<float>(byte_of(word, 0)), g = static_cast<float>(byte_of(word, 1)),
               b = static_cast<float>(byte_of(word, 2));
    const float most = larger(larger(r, g), b), least = smaller(smaller(r, g), b);
    const float chroma = most - least;
    const float part = 1 / (chroma > 0 ? chroma : 1);
    const float from_red = (g - b) * part, from_green = 2 + (b - r) * part, from_blue = 4 + (r - g) * part;
    const float found = most == r ? from_red : most == g ? from_green : from_blue;
    const float turned = (found < 0 ? found + 6 : found) + turn;
    const float hue = turned >= 6 ? turned - 6 : turned;
    const float saturation = limited(chroma / (most > 0 ? most : 1) + more_saturation, 0, 1);
    const float value = limited(most + more_value, 0, 255);
    const float spread = value * saturation;
    put_word(pixels, i, channel_of(5, hue, value, spread) + 0.5F, channel_of(3, hue, value, spread) + 0.5F,
             channel_of(1, hue, value, spread) + 0.5F);
  }
}

std::uint32_t luminance_run(const std::uint8_t* pixels, int count) noexcept {
  std::uint32_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t word = word_at(pixels, i);
    sum += (19595u * (word & 0xFF) + 38470u * (word >> 8 & 0xFF) + 7471u * (word >> 16 & 0xFF) + 0x8000u) >> 16;
  }
  return sum;
}

std::uint32_t sum_run(const std::uint8_t* bytes, int count) noexcept {
  std::uint32_t sum = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i) sum += bytes[i];
  return sum;
}

std::uint32_t colour_sum_run(const std::uint8_t* pixels, int count) noexcept {
  std::uint32_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t word = word_at(pixels, i);
    sum += (word & 0xFF) + (word >> 8 & 0xFF) + (word >> 16 & 0xFF);
  }
  return sum;
}
