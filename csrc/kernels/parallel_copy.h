// Copying of many bytes, by several threads where that pays.
#pragma once

#include <cstddef>

namespace fastload {

// As std::memmove: the ranges may overlap. Not to be called by the body of a parallel_for.
void copy_many_bytes(void* dst, const void* src, std::size_t n);

}  // namespace fastload
