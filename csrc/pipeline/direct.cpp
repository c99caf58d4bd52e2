#include "pipeline/direct.h"

#include "kernels/channels.h"
#include "pipeline/pixel_run.h"

namespace fastload {

bool is_direct(const Plan& plan, int channels, const ImageProgram& program) {
  if (channels != 3 || plan.stages() != 1 || plan.channels() != 3 || program.output()) return false;
  const Stage& stage = plan.stage(0);
  return !stage.resized && !stage.warped && !stage.to_grey && !stage.to_colour && stage.rows.is_range() &&
         stage.columns.is_range() && (stage.colours.empty() || table_of(stage.colours));
}

void run_directly(const Stage& stage, ImageView in, std::uint8_t* out) {
  const auto table = table_of(stage.colours);
  const Region& window = stage.window;
  for (int y = 0; y < window.height; ++y) {
    const int row = window.y + (stage.rows.is_reversed() ? window.height - 1 - y : y);
    std::uint8_t* made = out + std::ptrdiff_t{3} * y * window.width;
    copy_rgb(in.row(row) + std::ptrdiff_t{3} * window.x, window.width, stage.columns.is_reversed(), made);
    if (table) look_up({made, 1, 3 * window.width, 1, std::ptrdiff_t{3} * window.width}, *table);
  }
}

}  // namespace fastload
