// Images of three bytes a pixel that need no other layout: what is only cropped, mirrored and given a border, changed
// pixel by pixel, or filtered once.
#pragma once

#include <cstdint>

#include "core/image_view.h"
#include "core/status.h"
#include "pipeline/pixel_run.h"
#include "pipeline/plan.h"
#include "pipeline/program.h"

namespace fastload {

// Whether the result, of an image of so many channels, is the first stage's window, as it is.
bool is_part(const Plan& plan, int channels, const ImageProgram& program);

// Whether the program, planned for an image of so many channels, gives pixels of three bytes and does no more than that.
bool is_direct(const Plan& plan, int channels, const ImageProgram& program);

// The result, rows of 3 * width bytes one after the other. `band` is memory for some rows of it.
Status run_directly(const Stage& stage, ImageView in, PixelRunner& colours, Scratch& band, std::uint8_t* out);

}  // namespace fastload
