// Rows of floats, compiled twice: for AVX2, and for AVX-512. Included within a namespace that has `Lanes`, the vectors of
// one kind: Floats and Ints of kCount lanes, and what is done with them.

// What is the same for all pixels.
struct Constants {
  Lanes::Floats mean, reciprocal, lack;

  // Of one channel.
  static Constants of(const Arithmetic& arithmetic, int channel) noexcept {
    const Divisor& divisor = arithmetic.by_deviation[channel];
    return {Lanes::all(arithmetic.mean[channel]), Lanes::all(divisor.reciprocal), Lanes::all(divisor.lack)};
  }

  // Of three channels in turn, from that one on.
  static Constants from(const Arithmetic& arithmetic, int first) noexcept {
    float means[Lanes::kCount], reciprocals[Lanes::kCount], lacks[Lanes::kCount];
    for (int lane = 0; lane < Lanes::kCount; ++lane) {
      const int channel = (first + lane) % 3;
      means[lane] = arithmetic.mean[channel];
      reciprocals[lane] = arithmetic.by_deviation[channel].reciprocal;
      lacks[lane] = arithmetic.by_deviation[channel].lack;
    }
    return {Lanes::load(means), Lanes::load(reciprocals), Lanes::load(lacks)};
  }
};

inline Lanes::Floats quotient(Lanes::Floats a, Lanes::Floats reciprocal, Lanes::Floats lack) noexcept {
  return Lanes::multiply_add(a, reciprocal, Lanes::multiply(a, lack));
}

template <bool kDivides, bool kNormalises>
class Values {
 public:
  explicit Values(const Arithmetic& arithmetic) noexcept
      : scale_(Lanes::all(kDivides ? arithmetic.by_scale.reciprocal : arithmetic.scale)),
        lack_(Lanes::all(arithmetic.by_scale.lack)) {}

  Lanes::Floats of(Lanes::Ints levels, const Constants& constants) const noexcept {
    const Lanes::Floats level = Lanes::float_of(levels);
    // A product by itself, which a compiler might fuse with the subtraction.
    const Lanes::Floats value =
        kDivides ? quotient(level, scale_, lack_) : Lanes::multiply_add(level, scale_, Lanes::all(0));
    if constexpr (!kNormalises) return value;
    return quotient(Lanes::subtract(value, constants.mean), constants.reciprocal, constants.lack);
  }

 private:
  Lanes::Floats scale_, lack_;
};

// The pixels that the output's pixels from the x-th on show.
inline Lanes::Ints pixels_at(const std::uint8_t* in, int width, int x, bool reversed) noexcept {
  const std::ptrdiff_t at = reversed ? width - Lanes::kCount - x : x;
  const Lanes::Ints pixels = Lanes::load_ints(in + at * 4);
  return reversed ? Lanes::backwards(pixels) : pixels;
}

// Calls make(x) for vectors of pixels from the x-th on, the last of which may be made of some that have been made before.
// False if there are not enough for one.
template <class Make>
bool for_vectors(int width, Make make) noexcept {
  if (width < Lanes::kCount) return false;
  for (int x = 0; x < width - Lanes::kCount; x += Lanes::kCount) make(x);
  make(width - Lanes::kCount);
  return true;
}

// Whether vectors from `to` on may be streamed.
bool is_aligned(const float* to, int width) noexcept {
  constexpr std::uintptr_t kBytes = Lanes::kCount * sizeof(float);
  return reinterpret_cast<std::uintptr_t>(to) % kBytes == 0 && width % Lanes::kCount == 0;
}

// Calls make with the Values that the arithmetic is.
template <class Make>
bool with_values(const Arithmetic& arithmetic, Make make) noexcept {
  if (arithmetic.divides) {
    return arithmetic.normalises ? make(Values<true, true>(arithmetic)) : make(Values<true, false>(arithmetic));
  }
  return arithmetic.normalises ? make(Values<false, true>(arithmetic)) : make(Values<false, false>(arithmetic));
}

bool rgbx_to_float_planes(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                          float* const* planes, bool streamed) noexcept {
  const auto red = Constants::of(arithmetic, 0), green = Constants::of(arithmetic, 1), blue = Constants::of(arithmetic, 2);
  float *const reds = planes[0], *const greens = planes[1], *const blues = planes[2];
  streamed = streamed && is_aligned(reds, width) && is_aligned(greens, width) && is_aligned(blues, width);
  return with_values(arithmetic, [&](auto values) noexcept {
    return for_vectors(width, [&](int x) noexcept {
      const Lanes::Ints pixels = pixels_at(in, width, x, reversed);
      Lanes::store(reds + x, values.of(Lanes::template byte_of<0>(pixels), red), streamed);
      Lanes::store(greens + x, values.of(Lanes::template byte_of<1>(pixels), green), streamed);
      Lanes::store(blues + x, values.of(Lanes::template byte_of<2>(pixels), blue), streamed);
    });
  });
}

// Of the values of kCount pixels in three vectors, the i-th is of pixel i / 3 and its byte i % 3.
bool rgbx_to_float_pixels(const std::uint8_t* in, int width, bool reversed, const Arithmetic& arithmetic,
                          float* out, bool streamed) noexcept {
  constexpr int kCount = Lanes::kCount;
  const Constants constants[3] = {Constants::from(arithmetic, 0), Constants::from(arithmetic, kCount),
                                  Constants::from(arithmetic, 2 * kCount)};
  streamed = streamed && is_aligned(out, width);
  return with_values(arithmetic, [&](auto values) noexcept {
    return for_vectors(width, [&](int x) noexcept {
      const Lanes::Ints pixels = pixels_at(in, width, x, reversed);
      float* to = out + std::ptrdiff_t{3} * x;
      Lanes::store(to, values.of(Lanes::template third_of<0>(pixels), constants[0]), streamed);
      Lanes::store(to + kCount, values.of(Lanes::template third_of<1>(pixels), constants[1]), streamed);
      Lanes::store(to + 2 * kCount, values.of(Lanes::template third_of<2>(pixels), constants[2]), streamed);
    });
  });
}
