// Images of three bytes a pixel that need no other layout: what is only cropped, mirrored, or looked up in tables.
#pragma once

#include <cstdint>

#include "core/image_view.h"
#include "pipeline/plan.h"
#include "pipeline/program.h"

namespace fastload {

// Whether the program, planned for an image of so many channels, gives pixels of three bytes and does no more than that.
bool is_direct(const Plan& plan, int channels, const ImageProgram& program);

// The result, rows of 3 * width bytes one after the other.
void run_directly(const Stage& stage, ImageView in, std::uint8_t* out);

}  // namespace fastload
