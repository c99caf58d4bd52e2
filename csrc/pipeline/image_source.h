// Numbered images: files, or pixels in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/executor.h"

namespace fastload {

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t size() const noexcept = 0;
  // Safe from several threads, each with an executor of its own. index in [0, size()).
  virtual Status run(std::int64_t index, Executor& executor, const ImageProgram& program, std::uint64_t key,
                     Destination& out, Targets* targets = nullptr) const noexcept = 0;
  virtual const char* path(std::int64_t index) const noexcept = 0;  // empty if it has none
};

class ImageFiles : public ImageSource {
 public:
  explicit ImageFiles(FileOptions options) : options_(options) {}
  void add(std::string_view path);

  std::int64_t size() const noexcept override { return static_cast<std::int64_t>(starts_.size()); }
  Status run(std::int64_t index, Executor& executor, const ImageProgram& program, std::uint64_t key,
             Destination& out, Targets* targets) const noexcept override {
    return executor.run_file(path(index), options_, program, key, out, targets);
  }
  const char* path(std::int64_t index) const noexcept override {
    return text_.data() + starts_[static_cast<std::size_t>(index)];
  }

 private:
  FileOptions options_;
  std::vector<char> text_;  // all paths, each with its zero byte: millions of small strings would take three times as much
  std::vector<std::size_t> starts_;
};

// images: the first one; the others lie `stride` bytes apart. Others own the memory.
class ImageArrays : public ImageSource {
 public:
  ImageArrays(ImageView first, std::ptrdiff_t stride, std::int64_t count) noexcept
      : first_(first), stride_(stride), count_(count) {}

  std::int64_t size() const noexcept override { return count_; }
  Status run(std::int64_t index, Executor& executor, const ImageProgram& program, std::uint64_t key,
             Destination& out, Targets* targets) const noexcept override {
    ImageView image = first_;
    image.data += index * stride_;
    return executor.run_pixels(image, program, key, out, targets);
  }
  const char* path(std::int64_t) const noexcept override { return ""; }

 private:
  ImageView first_;
  std::ptrdiff_t stride_;
  std::int64_t count_;
};

inline void ImageFiles::add(std::string_view path) {
  starts_.push_back(text_.size());
  text_.insert(text_.end(), path.begin(), path.end());
  text_.push_back('\0');
}

}  // namespace fastload
