// AVX-512's intrinsics, for the files that are made of them.
#pragma once

#include <immintrin.h>

// gcc 12 warns of its own intrinsics, whose masked forms begin with an undefined register.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
