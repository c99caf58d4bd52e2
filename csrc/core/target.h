// Functions compiled for more than the baseline's instructions: FASTLOAD_TARGET("avx2,fma") ... FASTLOAD_END_TARGET.
// Only what core/cpu.h finds at run time may call them. Headers are included before: their functions are for all.
#pragma once

#define FASTLOAD_PRAGMA(text) _Pragma(#text)

#if defined(__clang__)
#define FASTLOAD_TARGET(instructions) \
  FASTLOAD_PRAGMA(clang attribute push(__attribute__((target(instructions))), apply_to = function))
#define FASTLOAD_END_TARGET FASTLOAD_PRAGMA(clang attribute pop)
#else
#define FASTLOAD_TARGET(instructions) FASTLOAD_PRAGMA(GCC push_options) FASTLOAD_PRAGMA(GCC target(instructions))
#define FASTLOAD_END_TARGET FASTLOAD_PRAGMA(GCC pop_options)
#endif
