// Loops of filters, compiled twice: for any processor, and for AVX2. Included within a namespace; uses <cstdint>.

// sums += weight * levels, in 1 / 256 of a level.
void add_row(std::uint16_t* sums, const std::uint8_t* levels, int count, unsigned weight) noexcept {
  const auto w = static_cast<std::uint16_t>(weight);
  for (int i = 0; i < count; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + levels[i] * w);
}

// sums += weight * values, weight in 1 / 65536.
void add_shifted(std::uint16_t* sums, const std::uint16_t* values, int count, unsigned weight) noexcept {
  const auto w = static_cast<std::uint16_t>(weight);
  for (int i = 0; i < count; ++i) {
    sums[i] = static_cast<std::uint16_t>(sums[i] + ((static_cast<std::uint32_t>(values[i]) * w) >> 16));
  }
}

void round_row(const std::uint16_t* sums, int count, std::uint8_t* levels) noexcept {
  for (int i = 0; i < count; ++i) {
    const unsigned value = (sums[i] + 128u) >> 8;
    levels[i] = static_cast<std::uint8_t>(value > 255 ? 255 : value);
  }
}

// rows: above, at and below; of each output, the neighbours are `step` bytes away.
void sharpen_row(const std::uint8_t* const rows[3], int count, int step_between, float factor, std::uint8_t* out) noexcept {
  const std::uint8_t *a = rows[0], *b = rows[1], *c = rows[2];
  // As wide as an address: where ints may wrap around (-fwrapv, which Python builds with), this would be no vector loop.
  const std::ptrdiff_t step = step_between, end = count - step;
  for (std::ptrdiff_t i = step; i < end; ++i) {
    const int sum = a[i - step] + a[i] + a[i + step] + b[i - step] + 5 * b[i] + b[i + step] + c[i - step] + c[i] +
                    c[i + step];
    const float smooth = static_cast<float>((sum + 6) / 13);
    float level = smooth + factor * (static_cast<float>(b[i]) - smooth);
    level = level < 0 ? 0 : level > 255 ? 255 : level;
    out[i] = static_cast<std::uint8_t>(static_cast<int>(level));
  }
}

void add_weighted(float* sums, const std::uint8_t* levels, int count, float weight) noexcept {
  for (int i = 0; i < count; ++i) sums[i] += weight * static_cast<float>(levels[i]);
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
