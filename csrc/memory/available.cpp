#include "memory/available.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

namespace fastload {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

// Calls line(text) for each line of a file of the system, until one call says that it is done.
template <class Line>
void for_each_line(const std::string& path, Line line) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return;
  char text[512];
  while (std::fgets(text, sizeof(text), file) != nullptr) {
    text[std::strcspn(text, "\n")] = '\0';
    if (line(text)) break;
  }
  std::fclose(file);
}

// The number after "key " or "key: ", or kUnknown. An empty key takes the first line; "max" is no number.
std::uint64_t number_in(const std::string& path, const std::string& key) {
  std::uint64_t found = kUnknown;
  for_each_line(path, [&](const char* text) {
    if (std::strncmp(text, key.c_str(), key.size()) != 0) return false;
    const char* digits = text + key.size() + std::strspn(text + key.size(), ": ");
    if (*digits >= '0' && *digits <= '9') found = std::strtoull(digits, nullptr, 10);
    return true;
  });
  return found;
}

std::uint64_t machine_bytes() {
  const std::uint64_t available = number_in("/proc/meminfo", "MemAvailable");
  if (available == kUnknown) return kUnknown;
  const std::uint64_t swap = number_in("/proc/meminfo", "SwapFree");
  return (available + (swap == kUnknown ? 0 : swap)) * 1024;
}

// What is left below the limit of one control group; files that were read can be dropped, so they do not count.
std::uint64_t group_bytes(const std::string& group, const char* limit_name, const char* used_name) {
  const std::uint64_t limit = number_in(group + limit_name, "");
  const std::uint64_t used = number_in(group + used_name, "");
  if (limit == kUnknown || used == kUnknown) return kUnknown;
  const std::uint64_t droppable = number_in(group + "/memory.stat", "inactive_file ");
  const std::uint64_t firm = used - std::min(used, droppable == kUnknown ? 0 : droppable);
  return limit - std::min(limit, firm);
}

std::uint64_t groups_bytes(const std::string& root, std::string path, const char* limit_name, const char* used_name) {
  std::uint64_t least = kUnknown;
  for (;;) {
    least = std::min(least, group_bytes(root + path, limit_name, used_name));
    if (path.empty()) return least;
    path.erase(path.find_last_of('/'));
  }
}

std::uint64_t all_groups_bytes() {
  std::uint64_t least = kUnknown;
  for_each_line("/proc/self/cgroup", [&](const char* text) {
    const char* names = std::strchr(text, ':');
    const char* path = names == nullptr ? nullptr : std::strchr(names + 1, ':');
    if (path == nullptr || path[1] != '/') return false;
    const std::string group = path[2] == '\0' ? "" : path + 1;
    if (names + 1 == path)
      least = std::min(least, groups_bytes("/sys/fs/cgroup", group, "/memory.max", "/memory.current"));
    else if (std::strncmp(names, ":memory:", 8) == 0)
      least = std::min(least, groups_bytes("/sys/fs/cgroup/memory", group, "/memory.limit_in_bytes",
                                           "/memory.usage_in_bytes"));
    return false;
  });
  return least;
}

}  // namespace

std::uint64_t available_bytes() noexcept {
  try {
    return std::min(machine_bytes(), all_groups_bytes());
  } catch (...) {  // no memory for a path: the system's own answer will do
    return kUnknown;
  }
}

}  // namespace fastload
