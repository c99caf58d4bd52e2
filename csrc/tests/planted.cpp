// Not a test: faults that the sanitizers must report. It ends with status 0 if none of them does.
//
//   planted address | leak | undefined | race
#include <cstring>
#include <thread>

namespace {

int volatile sink = 0;

void use_freed_memory() {
  int* volatile freed = new int[8]();
  delete[] freed;
  sink = freed[3];
}

void leak() {
  int* volatile lost = new int[8];
  lost = nullptr;
  sink = lost == nullptr;
}

void overflow() {
  int volatile large = 0x7fffffff;
  sink = large + 1;
}

void race() {
  int shared = 0;
  std::thread other([&] { ++shared; });
  ++shared;
  other.join();
  sink = shared;
}

}  // namespace

int main(int count, char** arguments) {
  const char* fault = count == 2 ? arguments[1] : "";
  if (std::strcmp(fault, "address") == 0) use_freed_memory();
  if (std::strcmp(fault, "leak") == 0) leak();
  if (std::strcmp(fault, "undefined") == 0) overflow();
  if (std::strcmp(fault, "race") == 0) race();
}
