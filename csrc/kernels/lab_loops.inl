// Loops of CIELAB, compiled twice: for any processor, and for AVX2. Included within a namespace; uses <cstdint>,
// <cstring>, kernels/lab_rows.h. The matrices are those of sRGB and D65, divided by the white point, and back.

// The cube root by one step of Halley's from a guess that divides the exponent: within 3e-5 of it.
inline float cube_root(float value) noexcept {
  std::int32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = static_cast<std::int32_t>(static_cast<float>(bits) * (1 / 3.0F)) + 0x2a5137a0;
  float root;
  std::memcpy(&root, &bits, 4);
  const float cube = root * root * root;
  return root * (cube + 2 * value) / (2 * cube + value);
}

inline float lab_f(float value) noexcept {
  const float straight = 7.787F * value + 16.0F / 116, root = cube_root(value);
  return value > 0.008856F ? root : straight;
}

inline float lab_f_back(float value) noexcept {
  const float straight = (value - 16.0F / 116) * (1 / 7.787F), cube = value * value * value;
  return value > 0.206893F ? cube : straight;
}

inline std::int32_t light_step(float light) noexcept {
  light = light < 0 ? 0 : light > 1 ? 1 : light;
  return static_cast<std::int32_t>(light * kLightSteps + 0.5F);
}

void lab_run(const LightRun& light, int count, std::uint8_t* lightness, float* x, float* z) noexcept {
  std::int32_t levels[kLabRun];
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const float r = light.red[i], g = light.green[i], b = light.blue[i];
    const float y = lab_f(0.212671F * r + 0.715160F * g + 0.072169F * b);
    x[i] = lab_f(0.433953F * r + 0.376219F * g + 0.189828F * b) - y;
    z[i] = lab_f(0.017758F * r + 0.109477F * g + 0.872766F * b) - y;
    const float level = (116 * y - 16) * 2.55F + 0.5F;
    levels[i] = static_cast<std::int32_t>(level < 0 ? 0 : level > 255 ? 255 : level);
  }
  for (std::ptrdiff_t i = 0; i < count; ++i) lightness[i] = static_cast<std::uint8_t>(levels[i]);
}

void light_run(const std::uint8_t* lightness, const float* x, const float* z, int count, StepRun* steps) noexcept {
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const float y = (static_cast<float>(lightness[i]) * (1 / 2.55F) + 16) * (1 / 116.0F);
    const float from_x = lab_f_back(y + x[i]) * 0.950456F, from_y = lab_f_back(y);
    const float from_z = lab_f_back(y + z[i]) * 1.088754F;
    steps->red[i] = light_step(3.240479F * from_x - 1.537150F * from_y - 0.498535F * from_z);
    steps->green[i] = light_step(-0.969256F * from_x + 1.875991F * from_y + 0.041556F * from_z);
    steps->blue[i] = light_step(0.055648F * from_x - 0.204043F * from_y + 1.057311F * from_z);
  }
}
