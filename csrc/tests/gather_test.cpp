#include "kernels/gather.h"

#include <cstring>
#include <vector>

#include "core/thread_pool.h"
#include "tests/check.h"

using namespace fastload;

namespace {

using Bytes = std::vector<std::byte>;

Bytes numbered(std::size_t bytes) {
  Bytes filled(bytes);
  for (std::size_t i = 0; i < bytes; ++i) filled[i] = static_cast<std::byte>(i * 2654435761u >> 13);
  return filled;
}

// Memory of exactly the rows, so that a sanitizer sees a byte read or written outside of them.
void copies_exactly_the_rows(std::size_t row_bytes, std::size_t count) {
  const std::int64_t rows = 29;
  const Bytes source = numbered(row_bytes * rows);
  Bytes out(row_bytes * count);
  std::vector<std::int64_t> indices(count);
  for (std::size_t k = 0; k < count; ++k) indices[k] = static_cast<std::int64_t>(k * 7 % (2 * rows)) - rows;
  const auto stride = static_cast<std::ptrdiff_t>(row_bytes);
  gather_rows({source.data(), stride, rows, indices.data(), nullptr, count, out.data(), stride, row_bytes});
  for (std::size_t k = 0; row_bytes != 0 && k < count; ++k) {
    const std::int64_t row = indices[k] < 0 ? indices[k] + rows : indices[k];
    CHECK(std::memcmp(&out[k * row_bytes], &source[static_cast<std::size_t>(row) * row_bytes], row_bytes) == 0);
  }
}

void rows_of_every_size() {
  for (const std::size_t row_bytes : {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 256, 257, 4095, 4097}) {
    for (const std::size_t count : {0, 1, 2, 3, 15, 16, 17, 100}) copies_exactly_the_rows(row_bytes, count);
  }
}

void large_jobs_on_several_threads() {
  set_num_threads(4);
  copies_exactly_the_rows(100'003, 97);
  set_num_threads(1);
}

void positions_and_negative_strides() {
  const std::vector<std::int32_t> source{0, 1, 2, 3, 4};
  std::vector<std::int32_t> out(4, -1);
  const std::vector<std::int64_t> indices{0, -1}, positions{3, 1};
  const auto* last = reinterpret_cast<const std::byte*>(&source[4]);
  gather_rows({last, -4, 5, indices.data(), positions.data(), 2, reinterpret_cast<std::byte*>(out.data()), 4, 4});
  CHECK((out == std::vector<std::int32_t>{-1, 0, -1, 4}));
}

void the_first_bad_index_is_found() {
  const std::vector<std::int64_t> indices{0, 4, -5, 5, -6};
  CHECK(first_out_of_range(indices.data(), 5, 5) == 3);
  CHECK(first_out_of_range(indices.data(), 3, 5) == 3);
  CHECK(first_out_of_range(indices.data(), 5, 0) == 0);
  CHECK(first_out_of_range(nullptr, 0, 0) == 0);
}

}  // namespace

int main() {
  rows_of_every_size();
  large_jobs_on_several_threads();
  positions_and_negative_strides();
  the_first_bad_index_is_found();
}
