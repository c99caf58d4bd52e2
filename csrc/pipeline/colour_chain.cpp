#include "pipeline/colour_chain.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/tone.h"

namespace fastload {
namespace {

// What rounding adds to how far changes one by one are off.
void add_rounding(ColourPass::Mixed* mixed) {
  if (mixed->rounding == Rounding::kDown) mixed->low -= 1;
  if (mixed->rounding == Rounding::kNearest) {
    mixed->low -= 0.5;
    mixed->high += 0.5;
  }
}

// How far they are off after the matrix, which adds up the channels' errors.
void multiply_errors(const ColorMatrix& matrix, ColourPass::Mixed* mixed) {
  double low = 0, high = 0;
  for (const auto& row : matrix.m) {
    double row_low = 0, row_high = 0;
    for (int c = 0; c < 3; ++c) {
      row_low += row[c] * (row[c] < 0 ? mixed->high : mixed->low);
      row_high += row[c] * (row[c] < 0 ? mixed->low : mixed->high);
    }
    low = std::min(low, row_low);
    high = std::max(high, row_high);
  }
  mixed->low = low;
  mixed->high = high;
}

// In whole numbers; what does not round down rounds to the nearest.
std::optional<ColorMix> mix_of(const ColourPass::Mixed& mixed) {
  ColorMatrix matrix = mixed.matrix;
  for (auto& row : matrix.m) row[3] += mixed.rounding == Rounding::kDown ? 0 : 0.5;
  return mix_of(matrix);
}

std::optional<ColourPass::Mixed> joined(const ColourPass::Mixed& first, const ColourPass::Mixed& then, bool permutes,
                                        int changes) {
  if (!keeps_range(first.matrix) && !is_turn(then.matrix)) return std::nullopt;
  ColourPass::Mixed made = first;
  made.matrix = composed(first.matrix, then.matrix);
  if (!permutes) {  // else whatever was rounded still is
    add_rounding(&made);
    multiply_errors(then.matrix, &made);
    made.rounding = then.rounding;
    made.low += then.low;
    made.high += then.high;
  }
  const bool is_close = std::max(-made.low, made.high) + kMixError <= changes;
  return is_close && mix_of(made) ? std::optional(made) : std::nullopt;
}

ColourPass::Levels joined(const ColourPass::Levels& first, const ColourPass::Levels& then) {
  ColourPass::Levels made = first;
  for (std::size_t c = 0; c < 3; ++c) {
    made.order[c] = first.order[static_cast<std::size_t>(then.order[c])];
  }
  if (!then.table) return made;
  LevelTable before;  // what is looked up after the first permutation, as before it
  for (std::size_t c = 0; c < 3; ++c) before[static_cast<std::size_t>(first.order[c])] = (*then.table)[c];
  made.table = first.table ? composed(*first.table, before) : before;
  return made;
}

void run(const ColourPass& pass, ImageView image) {
  if (const auto& levels = pass.levels) {
    if (levels->table) look_up(image, *levels->table, image);
    if (levels->order != std::array{0, 1, 2}) permute_channels(image, levels->order.data());
  } else if (const auto* factor = std::get_if<float>(&pass.alone)) {
    saturate(image, *factor);
  } else if (const auto* shift = std::get_if<HsvShift>(&pass.alone)) {
    shift_hsv(image, *shift);
  } else if (const auto mix = mix_of(*pass.mixed)) {
    mix_channels(image, *mix);
  }
}

}  // namespace

ColourPass table_pass(const LevelTable& table, const std::optional<Line>& line) {
  ColourPass pass;
  pass.levels = {table};
  if (!line) return pass;
  const ColorMatrix matrix = line_matrix(line->slope, line->offset);
  pass.mixed = {matrix, is_whole(matrix) ? Rounding::kNone : line->rounding};
  return pass;
}

ColourPass saturation_pass(float factor) {
  ColourPass pass;
  pass.alone = factor;
  if (factor == 0) {  // the luminance itself, as it is rounded
    pass.mixed = {saturation_matrix(0), Rounding::kNearest};
  } else {
    const double most = std::abs(1 - factor) / 2;  // by which the luminance is off
    pass.mixed = {saturation_matrix(factor), factor == 1 ? Rounding::kNone : Rounding::kDown, -most, most};
  }
  return pass;
}

ColourPass hsv_pass(const HsvShift& shift) {
  ColourPass pass;
  pass.alone = shift;
  return pass;
}

ColourPass permutation_pass(const int order[3]) {
  ColourPass pass;
  pass.levels = {std::nullopt, {order[0], order[1], order[2]}};
  pass.mixed = {permutation_matrix(order), Rounding::kNone};
  return pass;
}

std::optional<ColourPass> joined(const ColourPass& first, const ColourPass& then) {
  ColourPass made;
  made.changes = first.changes + then.changes;
  if (first.levels && then.levels) made.levels = joined(*first.levels, *then.levels);
  if (first.mixed && then.mixed) {
    made.mixed = joined(*first.mixed, *then.mixed, then.levels && !then.levels->table, made.changes);
  }
  return made.levels || made.mixed ? std::optional(made) : std::nullopt;
}

void ColourChain::add(ColourPass pass) {
  const auto one = passes_.empty() ? std::nullopt : joined(passes_.back(), pass);
  if (one) {
    passes_.back() = *one;
  } else {
    passes_.push_back(std::move(pass));
  }
}

void ColourChain::run(ImageView image) {
  const int row_bytes = image.width * image.channels;
  const int rows = passes_.size() < 2 ? image.height : std::clamp(kBandBytes / row_bytes, 1, image.height);
  for (int begin = 0; !passes_.empty() && begin < image.height; begin += rows) {
    ImageView band = image;
    band.data = image.row(begin);
    band.height = std::min(rows, image.height - begin);
    for (const ColourPass& pass : passes_) fastload::run(pass, band);
  }
  passes_.clear();
}

}  // namespace fastload
