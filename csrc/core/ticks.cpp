#include "core/ticks.h"

namespace fastload {
namespace {

const std::int64_t first_nanosecond = clock_nanoseconds(), first_tick = ticks();

}  // namespace

double nanoseconds_per_tick() noexcept {
  const std::int64_t counted = ticks() - first_tick;
  return counted > 0 ? static_cast<double>(clock_nanoseconds() - first_nanosecond) / static_cast<double>(counted) : 1.0;
}

}  // namespace fastload
