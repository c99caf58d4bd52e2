// Runs a fuzzer's function on the files and folders named, without libFuzzer: any compiler builds it.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

int runs = 0;

void run(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  std::fprintf(stderr, "%s\n", path.c_str());  // the last line names the input that ended it
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  ++runs;
}

}  // namespace

int main(int count, char** arguments) {
  for (int k = 1; k < count; ++k) {
    if (!fs::is_directory(arguments[k])) {
      run(arguments[k]);
      continue;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(arguments[k])) run(entry.path());
  }
  std::printf("%d inputs\n", runs);
  return 0;
}
