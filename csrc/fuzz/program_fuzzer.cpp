// Fuzzing of image programs: any chain of steps, on pixels and on JPEG files, with boxes and points that move along, must
// end in an image or in a status, and the boxes within the image.
//
// An input is a key, a layout, the targets, a list of steps, a byte each for what and how much, then 255, then the image:
// a JPEG file, or anything else as pixels of a small image.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "core/cpu.h"
#include "fuzz/ops_from_bytes.h"
#include "pipeline/executor.h"

using namespace fastload;

namespace {

constexpr int kMostSteps = 12;
constexpr std::uint8_t kEndOfSteps = 255;

// Exactly the memory of the result, so that the sanitizer sees a write outside of it.
class Result : public Destination {
 public:
  Status place(Size size, int channels, std::size_t bytes, void** out) noexcept override {
    const std::size_t values = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width);
    memory_.reset(new std::uint8_t[values * static_cast<std::size_t>(channels) * bytes]);
    *out = memory_.get();
    size_ = size;
    return {};
  }
  Size size() const { return size_; }

 private:
  std::unique_ptr<std::uint8_t[]> memory_;
  Size size_;
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

Targets targets_from(Bytes& bytes) {
  const bool relative = bytes.in(0, 1) == 1;
  const double unit = relative ? 1.0 / 32 : 1;
  std::vector<Targets::Object> objects;
  for (int left = bytes.in(0, 4); left > 0; --left) {
    const double x = bytes.in(-4, 30) * unit, y = bytes.in(-4, 30) * unit;
    const Box box{x, y, x + bytes.in(1, 30) * unit, y + bytes.in(1, 30) * unit};
    objects.push_back(object_of(box, static_cast<Outline>(bytes.in(0, 1))));
  }
  std::vector<Point> points;
  for (int left = bytes.in(0, 3); left > 0; --left) {
    const double x = bytes.in(-4, 40) * unit;
    points.push_back({x, bytes.in(-4, 40) * unit});
  }
  if (bytes.in(0, 1) == 1) {
    for (Targets::Object& object : objects) {
      object.has_corners = true;
      object.ellipse.clear();
    }
  }
  return Targets(std::move(objects), std::move(points), relative);
}

// What is promised of boxes that are still there.
void check(Targets& targets, Size size) {
  for (const Box& box : targets.boxes()) {
    const bool inside = box.left >= 0 && box.top >= 0 && box.right <= size.width && box.bottom <= size.height;
    if (inside && box.left < box.right && box.top < box.bottom) continue;
    std::fprintf(stderr, "box %g %g %g %g in %d x %d\n", box.left, box.top, box.right, box.bottom, size.width,
                 size.height);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::uint64_t key = bytes.next();
  const int layout = bytes.next();
  limit_simd(static_cast<Simd>(key % 3));
  Targets targets = targets_from(bytes);
  std::vector<Step> steps;
  OpMaker ops(bytes);
  while (steps.size() < kMostSteps && bytes.left() > 0 && *bytes.rest() != kEndOfSteps) {
    steps.push_back({steps.size(), ops.next()});
  }
  (void)bytes.next();
  std::optional<OutputFormat> output;
  if (layout % 3 == 1) output.emplace(OutputFormat{true, 3, OutType::kUint8, LevelMap(OutType::kUint8, 3, nullptr)});
  if (layout % 3 == 2) {
    const std::vector<float> table(256, 0.5F);
    output.emplace(OutputFormat{false, 1, OutType::kFloat32, LevelMap(OutType::kFloat32, 1, table.data())});
  }
  const ImageProgram program(std::move(steps), std::move(output), layout % 11 != 0);
  static Executor executor;
  Result result;
  if (bytes.left() > 2 && bytes.rest()[0] == 0xFF && bytes.rest()[1] == 0xD8) {
    const char* path = write_file(bytes);
    if (path == nullptr) return 0;
    const FileOptions options{layout % 5 == 0, layout % 2 == 0, layout % 7 != 0, 1 << 20};
    if (executor.run_file(path, options, program, key, result, &targets).ok()) check(targets, result.size());
    return 0;
  }
  const int channels = layout % 4 == 0 ? 1 : layout % 4 == 1 ? 4 : 3;
  const int height = bytes.in(1, 30);
  const int width = bytes.in(1, 30);
  const int gap = key % 5 == 0 ? static_cast<int>(key % 47) : 0;  // between rows, but not behind the last one
  const int row_bytes = width * channels + gap;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * row_bytes - gap));
  for (std::uint8_t& pixel : pixels) pixel = bytes.next();
  const ImageView image{pixels.data(), height, width, channels, row_bytes};
  if (executor.run_pixels(image, program, key, result, &targets).ok()) check(targets, result.size());
  return 0;
}
