#include "kernels/class_passes.h"

#include "kernels/counter_random.h"
#include "kernels/feistel.h"

namespace fastload {

void take_members(std::uint64_t key, const std::int64_t* classes, const std::int64_t* sizes, std::int64_t* taken,
                  std::int64_t* out, std::size_t count) noexcept {
  const CounterRandom class_keys(key);
  for (std::size_t k = 0; k < count; ++k) {
    const auto drawn = static_cast<std::size_t>(classes[k]);
    const auto turn = static_cast<std::uint64_t>(taken[drawn]++);
    keyed_permutation(static_cast<std::uint64_t>(sizes[drawn]), class_keys.word(drawn), turn, 1, 1, out + k);
  }
}

}  // namespace fastload
