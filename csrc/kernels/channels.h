#pragma once
#include <cstdint>
namespace fastload { void rgb_to_rgbx(const std::uint8_t*, int, std::uint8_t*) noexcept; void grey_to_rgbx(const std::uint8_t*, int, std::uint8_t*) noexcept; }
