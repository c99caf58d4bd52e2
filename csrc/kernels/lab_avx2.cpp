#if defined(__x86_64__)

#include <cstddef>
#include <cstring>

#include "core/target.h"
#include "kernels/lab_rows.h"

FASTLOAD_TARGET("avx2")

namespace fastload::avx2 {

#include "kernels/lab_loops.inl"

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
