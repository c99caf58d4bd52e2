#include "kernels/collate.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "core/thread_pool.h"
#include "tests/check.h"

using namespace fastload;

namespace {

constexpr DType kInt32{Kind::kInt, 32, 1};

TensorView view_of(std::vector<std::int32_t>& data, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& strides) {
  return {data.data(), static_cast<int>(shape.size()), shape.data(), strides.data(), kInt32, 4};
}

void knows_its_strides() {
  std::vector<std::int32_t> data(24);
  const std::vector<std::int64_t> shape{2, 1, 3}, dense{3, 3, 1}, odd{3, 7, 1}, turned{1, 2, 2};
  CHECK(view_of(data, shape, dense).has_default_strides());
  CHECK(!view_of(data, shape, odd).has_default_strides());
  CHECK(view_of(data, shape, odd).is_contiguous());
  CHECK(!view_of(data, shape, turned).is_contiguous());
  CHECK(view_of(data, shape, turned).nbytes() == 24);
}

void a_transposed_box_lands_row_major() {
  std::vector<std::int32_t> from(6), to(6, -1);
  std::iota(from.begin(), from.end(), 0);
  const std::vector<std::int64_t> shape{3, 2}, strides{1, 3}, steps{8, 4};
  BoxJob job;
  CHECK(make_box(view_of(from, shape, strides), to.data(), steps.data(), &job));
  run_box(job);
  CHECK((to == std::vector<std::int32_t>{0, 3, 1, 4, 2, 5}));
}

void a_dense_box_is_one_run() {
  std::vector<std::int32_t> from(24), to(24);
  const std::vector<std::int64_t> shape{2, 3, 4}, strides{12, 4, 1}, steps{48, 16, 4};
  BoxJob job;
  CHECK(make_box(view_of(from, shape, strides), to.data(), steps.data(), &job));
  CHECK(job.dims == 0 && job.run_bytes == 96);
}

void a_smaller_box_sits_in_its_padding() {
  std::vector<std::int32_t> from{1, 2}, to(6, -1);
  const std::vector<std::int64_t> shape{1, 2}, strides{2, 1}, steps{12, 4};
  BoxJob job;
  CHECK(make_box(view_of(from, shape, strides), to.data(), steps.data(), &job));
  const std::int32_t nine = 9;
  job.fill_bytes = 24;
  job.fill_itemsize = 4;
  std::memcpy(job.fill_value.data(), &nine, 4);
  run_box(job);
  CHECK((to == std::vector<std::int32_t>{1, 2, 9, 9, 9, 9}));
}

void an_empty_box_is_all_padding() {
  std::vector<std::int32_t> from, to(3, -1);
  const std::vector<std::int64_t> shape{0}, strides{1}, steps{4};
  BoxJob job;
  CHECK(make_box(view_of(from, shape, strides), to.data(), steps.data(), &job));
  job.fill_bytes = 12;
  job.fill_itemsize = 4;
  run_box(job);
  CHECK((to == std::vector<std::int32_t>{0, 0, 0}));
}

void too_many_dimensions_are_refused() {
  std::vector<std::int32_t> from(32);
  const std::vector<std::int64_t> shape{2, 2, 2, 2, 2}, strides{1, 2, 4, 8, 16}, steps{64, 32, 16, 8, 4};
  BoxJob job;
  CHECK(!make_box(view_of(from, shape, strides), from.data(), steps.data(), &job));
}

void a_large_plan_copies_every_byte() {
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    std::vector<unsigned char> from(5'000'003), to(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<unsigned char>(i * 7 + i / 256);
    CopyPlan plan;
    std::size_t at = 0;
    for (std::size_t n = 0; at < from.size(); n = n * 3 + 1) {
      const std::size_t take = std::min(n, from.size() - at);
      plan.add(to.data() + at, from.data() + at, take);
      at += take;
    }
    CHECK(plan.nbytes() == from.size());
    plan.run();
    CHECK(plan.empty() && to == from);
  }
}

void a_rewound_plan_forgets() {
  unsigned char from[2] = {1, 2}, to[2] = {0, 0};
  CopyPlan plan;
  plan.add(to, from, 1);
  const CopyPlan::Mark mark = plan.mark();
  plan.add(to + 1, from + 1, 1);
  plan.rewind(mark);
  plan.run();
  CHECK(to[0] == 1 && to[1] == 0);
}

}  // namespace

int main() {
  knows_its_strides();
  a_transposed_box_lands_row_major();
  a_dense_box_is_one_run();
  a_smaller_box_sits_in_its_padding();
  an_empty_box_is_all_padding();
  too_many_dimensions_are_refused();
  a_large_plan_copies_every_byte();
  a_rewound_plan_forgets();
}
