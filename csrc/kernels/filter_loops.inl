// Loops of filters, compiled twice: for any processor, and for AVX2. Included within a namespace; uses <cstddef>, <cstdint>.

// Levels in 1 / 256.
void spread_row(const std::uint8_t* levels, int count, std::uint16_t* values) noexcept {
  for (std::ptrdiff_t i = 0; i < count; ++i) values[i] = static_cast<std::uint16_t>(levels[i] << 8);
}

// Sums of eight uniform bytes, less their mean: nearly normal. noise: 8 bytes for each level.
void add_noise_row(std::uint8_t* levels, const std::uint8_t* noise, int count, float scale, float mean) noexcept {
  const std::ptrdiff_t end = count;
  for (std::ptrdiff_t i = 0; i < end; ++i) {
    int sum = 0;
    for (int k = 0; k < 8; ++k) sum += noise[8 * i + k];
    float level = static_cast<float>(levels[i]) + mean + scale * static_cast<float>(sum - 1020) + 0.5F;
    level = level < 0 ? 0 : level > 255 ? 255 : level;
    levels[i] = static_cast<std::uint8_t>(static_cast<int>(level));
  }
}
