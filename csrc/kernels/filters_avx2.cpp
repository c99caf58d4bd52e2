#if defined(__x86_64__)

#include "core/target.h"
#include "kernels/filter_rows.h"

FASTLOAD_TARGET("avx2,fma")

namespace fastload::avx2 {

#include "kernels/filter_loops.inl"

}  // namespace fastload::avx2

FASTLOAD_END_TARGET

#endif
