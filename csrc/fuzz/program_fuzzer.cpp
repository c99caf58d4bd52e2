// Fuzzing of image programs: any chain of steps, on pixels and on JPEG files, must end in an image or in a status.
//
// An input is a list of steps, a byte each for what and how much, then 255, then the image: a JPEG file, or anything
// else as pixels of a small image.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "core/cpu.h"
#include "pipeline/executor.h"

using namespace fastload;

namespace {

constexpr int kMostSteps = 12;

// Numbers from the input; zeros when it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
  std::uint8_t next() { return at_ == end_ ? 0 : *at_++; }
  int in(int low, int high) { return low + next() % (high - low + 1); }
  double share() { return next() / 255.0; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const std::uint8_t* rest() const { return at_; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

Size size_from(Bytes& bytes) {
  const int height = bytes.in(1, 40);
  return {height, bytes.in(1, 40)};
}

PadOp pad_from(Bytes& bytes) {
  const int left = bytes.in(-3, 9);
  const int top = bytes.in(-3, 9);
  const int right = bytes.in(-3, 9);
  const Margins margins{left, top, right, bytes.in(-3, 9)};
  const std::uint8_t level = bytes.next();
  return {margins, Fill{level, bytes.next(), level, 255}, static_cast<PadMode>(bytes.in(0, 3))};
}

Filter filter_from(Bytes& bytes) { return static_cast<Filter>(bytes.in(0, 5)); }

Op op_from(int kind, Bytes& bytes) {
  switch (kind) {
    case 0: {
      const int top = bytes.in(-9, 40);
      const int left = bytes.in(-9, 40);
      return CropOp{top, left, size_from(bytes)};
    }
    case 1: return CenterCropOp{size_from(bytes)};
    case 2: return pad_from(bytes);
    case 3: {
      const Size size = size_from(bytes);
      const PadOp padding = pad_from(bytes);
      return RandomCropOp{size, padding, bytes.in(0, 1) == 1};
    }
    case 4: {
      const Size size = size_from(bytes);
      const double scale = 0.01 + bytes.share();
      const double ratio = 0.05 + 4 * bytes.share();
      return RandomResizedCropOp{size, scale, scale + bytes.share(), ratio, ratio + bytes.share(), filter_from(bytes)};
    }
    case 5: {
      const Size size = size_from(bytes);
      return ResizeOp{size, filter_from(bytes)};
    }
    case 6: {
      const int shorter = bytes.in(1, 40);
      const int longest = bytes.in(0, 60);
      return ResizeShorterOp{shorter, longest, filter_from(bytes)};
    }
    case 7: {
      const int longer = bytes.in(1, 60);
      return ResizeLongerOp{longer, filter_from(bytes)};
    }
    case 8: return FlipOp{true, bytes.share()};
    case 9: return FlipOp{false, bytes.share()};
    default: return GrayscaleOp{bytes.in(0, 1) == 0 ? 1 : 3};
  }
}

// Exactly the memory of the result, so that the sanitizer sees a write outside of it.
class Result : public Destination {
 public:
  Status place(Size size, int channels, std::size_t bytes, void** out) noexcept override {
    const std::size_t values = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width);
    memory_.reset(new std::uint8_t[values * static_cast<std::size_t>(channels) * bytes]);
    *out = memory_.get();
    return {};
  }

 private:
  std::unique_ptr<std::uint8_t[]> memory_;
};

// Where the file fuzzed right now lies: the executor reads paths. Each process has its own.
const char* write_file(Bytes& bytes) {
  static const std::string name = "/dev/shm/fastload_program_fuzzer_" + std::to_string(getpid()) + ".jpg";
  const char* path = name.c_str();
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return nullptr;
  std::fwrite(bytes.rest(), 1, bytes.left(), file);
  std::fclose(file);
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::uint64_t key = bytes.next();
  const int layout = bytes.next();
  limit_simd(static_cast<Simd>(key % 3));
  std::vector<Step> steps;
  for (int kind; steps.size() < kMostSteps && bytes.left() > 0 && (kind = bytes.next()) != 255;) {
    const Op op = op_from(kind % 11, bytes);
    steps.push_back({steps.size(), op});
  }
  std::optional<OutputFormat> output;
  if (layout % 3 == 1) output.emplace(OutputFormat{true, 3, OutType::kUint8, LevelMap(OutType::kUint8, 3, nullptr)});
  if (layout % 3 == 2) {
    const std::vector<float> table(256, 0.5F);
    output.emplace(OutputFormat{false, 1, OutType::kFloat32, LevelMap(OutType::kFloat32, 1, table.data())});
  }
  const ImageProgram program(std::move(steps), std::move(output));
  static Executor executor;
  Result result;
  if (bytes.left() > 2 && bytes.rest()[0] == 0xFF && bytes.rest()[1] == 0xD8) {
    const char* path = write_file(bytes);
    if (path == nullptr) return 0;
    (void)executor.run_file(path, {layout % 5 == 0, layout % 2 == 0, layout % 7 != 0, 1 << 20}, program, key, result);
    return 0;
  }
  const int channels = layout % 4 == 0 ? 1 : layout % 4 == 1 ? 4 : 3;
  const int height = bytes.in(1, 30);
  const int width = bytes.in(1, 30);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width * channels));
  for (std::uint8_t& pixel : pixels) pixel = bytes.next();
  const ImageView image{pixels.data(), height, width, channels, std::ptrdiff_t{width} * channels};
  (void)executor.run_pixels(image, program, key, result);
  return 0;
}
