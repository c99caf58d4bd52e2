// Rows of a table by their numbers: the batch of an in-memory dataset.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastload {

// One gather: row positions[k] of out becomes row indices[k] of source, for k < count.
// Each row is row_bytes dense bytes, rows lie source_stride / out_stride bytes apart (any sign).
// indices are in [-rows, rows), a negative one counts from the end; positions are distinct rows of out,
// nullptr for 0, 1, 2, ... The two tables do not overlap.
struct GatherJob {
  const std::byte* source;
  std::ptrdiff_t source_stride;
  std::int64_t rows;
  const std::int64_t* indices;
  const std::int64_t* positions;
  std::size_t count;
  std::byte* out;
  std::ptrdiff_t out_stride;
  std::size_t row_bytes;
};

// The first k with an index outside [-rows, rows); count if there is none.
std::size_t first_out_of_range(const std::int64_t* indices, std::size_t count, std::int64_t rows) noexcept;

// Does the job, on several threads if it is large. Checks nothing.
void gather_rows(const GatherJob& job) noexcept;

// Rows k of the job with begin <= k < end, in the calling thread.
void gather_part(const GatherJob& job, std::size_t begin, std::size_t end) noexcept;

}  // namespace fastload
