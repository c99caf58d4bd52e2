// How many pixels wide and high a block of 8x8 coefficients becomes, by the names that the API in use has for it.
#pragma once

#include <cstdio>

#include <jpeglib.h>

namespace fastload {

#if JPEG_LIB_VERSION >= 70
inline int dct_size(const jpeg_component_info& component) noexcept { return component.DCT_h_scaled_size; }
inline int smallest_dct_size(const jpeg_decompress_struct& info) noexcept { return info.min_DCT_h_scaled_size; }
#else
inline int dct_size(const jpeg_component_info& component) noexcept { return component.DCT_scaled_size; }
inline int smallest_dct_size(const jpeg_decompress_struct& info) noexcept { return info.min_DCT_scaled_size; }
#endif

}  // namespace fastload
