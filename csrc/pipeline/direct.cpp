#include "pipeline/direct.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/channels.h"
#include "kernels/color.h"

namespace fastload {
namespace {

bool is_reversed(const Stage& stage) { return stage.rows.is_reversed() || stage.columns.is_reversed(); }

// What is taken out of the image, and how its rows come.
struct Cut {
  const Stage& stage;
  ImageView in;
  const std::uint8_t* row(int y) const noexcept {
    const Region& window = stage.window;
    const int number = window.y + (stage.rows.is_reversed() ? window.height - 1 - y : y);
    return in.row(number) + std::ptrdiff_t{3} * window.x;
  }
  // The rows as they lie in the image: it is quicker to write backwards than to read backwards.
  void copy_to(ImageView out) const noexcept {
    for (int number = 0; number < out.height; ++number) {
      const int y = stage.rows.is_reversed() ? out.height - 1 - number : number;
      copy_rgb(row(y), out.width, stage.columns.is_reversed(), out.row(y));
    }
  }
  // As it lies in memory, not reversed.
  ImageView view() const noexcept {
    const Region& window = stage.window;
    std::uint8_t* data = in.row(window.y) + std::ptrdiff_t{3} * window.x;
    return {data, window.height, window.width, 3, in.row_bytes};
  }
};

// Colours that change pixel by pixel, and grey in place of them: some rows at a time, as the kernels want them.
Status run_bands(const Cut& cut, PixelRunner& colours, Scratch& scratch, ImageView out) {
  const bool reversed = cut.stage.columns.is_reversed();
  const int rows = std::clamp(kBandBytes / (4 * out.width), 1, out.height);
  ImageView band;
  Status status = scratch_image(scratch, rows, out.width, 4, &band);
  for (int begin = 0; status.ok() && begin < out.height; begin += rows) {
    ImageView part = band;
    part.height = std::min(rows, out.height - begin);
    for (int y = 0; y < part.height; ++y) rgb_to_rgbx(cut.row(begin + y), out.width, part.row(y));
    status = colours.run(cut.stage.colours, &part);
    if (cut.stage.to_grey) saturate(part, 0);
    for (int y = 0; y < part.height; ++y) rgbx_to_rgb(part.row(y), out.width, reversed, out.row(begin + y));
  }
  return status;
}

// Whether colours become three times their luminance, and nothing else happens to them.
bool only_makes_grey(const Stage& stage) {
  if (stage.to_grey) return stage.colours.empty();
  const auto* only = stage.colours.size() == 1 ? std::get_if<PixelMove>(&stage.colours[0]) : nullptr;
  return only != nullptr && only->kind == PixelKind::kSaturation && only->values[0] == 0;
}

bool is_bordered(const Stage& stage) { return !stage.rows.is_range() || !stage.columns.is_range(); }

void copy_bordered(const Stage& stage, ImageView in, ImageView out) {
  std::vector<std::uint8_t> border(static_cast<std::size_t>(out.row_bytes));
  for (std::size_t i = 0; i < border.size(); i += 3) std::copy_n(stage.fill.begin(), 3, border.begin() + i);
  const auto make_row = [&](int number, std::uint8_t* to) {
    const std::uint8_t* from = in.row(stage.window.y + number) + std::ptrdiff_t{3} * stage.window.x;
    for (const Run& run : stage.columns.runs()) {
      if (run.is_border()) {
        std::memcpy(to + 3 * run.begin, border.data(), static_cast<std::size_t>(3 * run.count));
      } else {
        copy_rgb(from + std::ptrdiff_t{3} * run.first, run.count, run.reversed, to + 3 * run.begin);
      }
    }
  };
  for (const Run& run : stage.rows.runs()) {
    for (int i = 0; i < run.count; ++i) {
      std::uint8_t* to = out.row(run.begin + i);
      if (run.is_border()) {
        std::memcpy(to, border.data(), border.size());
      } else {
        make_row(run.input(i), to);
      }
    }
  }
}

}  // namespace

bool is_part(const Plan& plan, int channels, const ImageProgram& program) {
  if (plan.stages() != 1 || plan.channels() != channels || program.output()) return false;
  const Stage& stage = plan.stage(0);
  return !stage.resized && !stage.warped && !stage.to_grey && !stage.to_colour && stage.colours.empty() &&
         !is_bordered(stage) && !is_reversed(stage);
}

bool is_direct(const Plan& plan, int channels, const ImageProgram& program) {
  if (channels != 3 || plan.stages() != 1 || plan.channels() != 3 || program.output()) return false;
  const Stage& stage = plan.stage(0);
  if (stage.resized || stage.warped || stage.to_colour) return false;
  const auto& colours = stage.colours;
  const bool are_pointwise = std::all_of(colours.begin(), colours.end(), is_pointwise);
  if (is_bordered(stage)) return colours.empty() && !stage.to_grey;
  if (stage.to_grey) return are_pointwise;
  if (colours.size() == 1 && std::holds_alternative<EraseMove>(colours[0])) return true;
  if (colours.size() == 1 && (is_filter(colours[0]) || is_table_of_image(colours[0]))) return !is_reversed(stage);
  return are_pointwise;
}

Status run_directly(const Stage& stage, ImageView in, PixelRunner& colours, Scratch& band, std::uint8_t* out) {
  if (is_bordered(stage)) {
    copy_bordered(stage, in, {out, stage.out.height, stage.out.width, 3, std::ptrdiff_t{3} * stage.out.width});
    return {};
  }
  const Cut cut{stage, in};
  const int height = stage.window.height, width = stage.window.width;
  const ImageView made{out, height, width, 3, std::ptrdiff_t{3} * width};
  if (only_makes_grey(stage) && !stage.columns.is_reversed()) {
    for (int y = 0; y < height; ++y) rgb_to_grey_rgb(cut.row(y), width, made.row(y));
    return {};
  }
  if (stage.to_grey) return run_bands(cut, colours, band, made);
  if (stage.colours.empty()) {
    cut.copy_to(made);
    return {};
  }
  if (const auto* erased = std::get_if<EraseMove>(&stage.colours[0])) {
    cut.copy_to(made);
    erase(*erased, made);
    return {};
  }
  const auto& first = std::get<PixelMove>(stage.colours[0]);
  if (is_filter(first)) return filter(first, cut.view(), made);
  const auto table = is_table_of_image(first) ? table_of(first, cut.view()) : table_of(stage.colours);
  if (!table) return run_bands(cut, colours, band, made);
  if (is_reversed(stage)) cut.copy_to(made);
  look_up(is_reversed(stage) ? made : cut.view(), *table, made);
  return {};
}

}  // namespace fastload
