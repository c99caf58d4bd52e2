#include "pipeline/plan.h"

#include <algorithm>
#include <cmath>

#include "core/luminance.h"
#include "pipeline/footprint.h"
#include "pipeline/pixel_run.h"

namespace fastload {
namespace {

constexpr int kNeighbours = 3;  // pixels around a place that take part in its interpolation

bool is_plain_grey(const Fill& fill) { return fill[0] == fill[1] && fill[1] == fill[2]; }

// Whether the map moves whole pixels to whole pixels.
bool is_exact(const Matrix3& map) {
  if (!map.is_affine()) return false;
  const auto& m = map.m;
  const auto is_sign = [](double value) { return value == 0 || std::abs(value) == 1; };
  return is_sign(m[0][0]) && is_sign(m[0][1]) && is_sign(m[1][0]) && is_sign(m[1][1]) &&
         std::abs(map.determinant()) == 1 && m[0][2] == std::floor(m[0][2]) && m[1][2] == std::floor(m[1][2]);
}

// Whether all that comes out of the affine map shows a part of the image: no border is seen.
bool covers(const Matrix3& back, Size out, Size in) {
  const Point one = back({0, 0}), other = back({double(out.width), double(out.height)});
  return std::min(one.x, other.x) >= 0 && std::max(one.x, other.x) <= in.width && std::min(one.y, other.y) >= 0 &&
         std::max(one.y, other.y) <= in.height;
}

// The part of `limits` that output pixels show, with the neighbours that their interpolation needs.
Region needed_region(const Matrix3& to_input, Size size, const Region& limits) {
  double left = 1e30, top = 1e30, right = -1e30, bottom = -1e30;
  for (const Point corner : {Point{0, 0}, Point{double(size.width), 0}, Point{0, double(size.height)},
                             Point{double(size.width), double(size.height)}}) {
    if (!(to_input.weight(corner) > 0)) return limits;
    const Point place = to_input(corner);
    left = std::min(left, place.x);
    right = std::max(right, place.x);
    top = std::min(top, place.y);
    bottom = std::max(bottom, place.y);
  }
  const auto axis = [](double from, double to, int first, int length) {
    const double begin = std::clamp(std::floor(from) - kNeighbours, double(first), double(first + length - 1));
    const double end = std::clamp(std::ceil(to) + kNeighbours, begin + 1, double(first + length));
    return std::pair{static_cast<int>(begin), static_cast<int>(end - begin)};
  };
  const auto [x, width] = axis(left, right, limits.x, limits.width);
  const auto [y, height] = axis(top, bottom, limits.y, limits.height);
  return {x, y, width, height};
}

}  // namespace

void Plan::begin(Size size, int channels, bool fused) {
  count_ = 0;
  size_ = size;
  channels_ = channels;
  grey_as_colour_ = false;
  fused_ = fused;
  open_stage();
}

void Plan::open_stage() {
  if (count_ == static_cast<int>(stages_.size())) stages_.emplace_back();
  current_ = &stages_[static_cast<std::size_t>(count_++)];
  Stage& stage = *current_;
  stage.window = {0, 0, size_.width, size_.height};
  stage.resized = stage.has_border = stage.to_grey = stage.to_colour = stage.warped = false;
  stage.mesh.reset();
  stage.colours.clear();
  stage.fill = Fill{};
  stage.rows.reset(size_.height);
  stage.columns.reset(size_.width);
  frame_.reset(size_);
  filter_.reset();
  is_exact_ = repeats_ = is_touched_ = has_resize_ = false;
}

void Plan::close_stage() {
  Stage& stage = *current_;
  if (stage.warped) {
    close_warped_stage();
    return;
  }
  stage.out = {stage.rows.size(), stage.columns.size()};
  const AxisMap::Span rows = stage.rows.rebase();
  const AxisMap::Span columns = stage.columns.rebase();
  if (stage.resized) {
    stage.wanted_rows = rows;
    stage.wanted_columns = columns;
  } else {
    stage.window = {columns.begin, rows.begin, columns.end - columns.begin, rows.end - rows.begin};
  }
}

// Reads what the output shows, shrunk as far as interpolation does not do by itself.
void Plan::close_warped_stage() {
  Stage& stage = *current_;
  stage.out = size_;
  stage.rows.reset(size_.height);
  stage.columns.reset(size_.width);
  stage.has_border = false;
  if (stage.mesh != nullptr) return;
  stage.window = needed_region(frame_.to_input(), size_, stage.window);
  stage.canvases = frame_.canvases();
  const Size whole{stage.window.height, stage.window.width};
  stage.full = stage.sampling == Sampling::kNearest ? whole : shrunk_before(footprint_of(frame_), whole, has_resize_);
  stage.resized = stage.full != whole;
  if (stage.resized) {
    stage.filter = Filter::kBilinear;
    stage.wanted_rows = {0, stage.full.height};
    stage.wanted_columns = {0, stage.full.width};
  }
  stage.to_read = Matrix3::scaling(static_cast<double>(stage.full.width) / stage.window.width,
                                   static_cast<double>(stage.full.height) / stage.window.height) *
                  Matrix3::translation(-stage.window.x, -stage.window.y) * frame_.to_input();
}

void Plan::next_stage() {
  close_stage();
  open_stage();
}

void Plan::end() { close_stage(); }

void Plan::add(const Move& move) {
  struct Add {
    Plan& plan;
    void operator()(const PadMove& m) const { plan.pad(m); }
    void operator()(const WindowMove& m) const { plan.window(m); }
    void operator()(const ResizeMove& m) const { plan.resize(m); }
    void operator()(const FlipMove& m) const {
      m.horizontal ? plan.current_->columns.flip() : plan.current_->rows.flip();
      plan.frame_.flip(m.horizontal);
    }
    void operator()(const GreyMove& m) const { plan.grey(m); }
    void operator()(const WarpMove& m) const { plan.warp(m); }
    void operator()(const MeshMove& m) const { plan.mesh(m); }
    void operator()(const CentreMove&) const {}
    void operator()(const PixelMove& m) const { plan.colour(m); }
    void operator()(const EraseMove& m) const { plan.colour(m); }
  };
  if (std::holds_alternative<CentreMove>(move)) return;
  if (is_touched_ && (!fused_ || is_move_after_colours(move))) next_stage();
  std::visit(Add{*this}, move);
  is_touched_ = !std::holds_alternative<MeshMove>(move);
  size_ = frame_.size();
}

// Whether pixels are to be moved whose colours have been changed. What moves them whole, and leaves nothing out that
// colours depend on, may as well come before; and so may a resize by means, where colours are changed along lines.
bool Plan::is_move_after_colours(const Move& move) const {
  if (current_->colours.empty()) return false;
  if (std::holds_alternative<PixelMove>(move) || std::holds_alternative<EraseMove>(move)) return false;
  const auto& colours = current_->colours;
  if (const auto* resize = std::get_if<ResizeMove>(&move)) {
    const bool means = resize->filter == Filter::kBilinear || resize->filter == Filter::kBox ||
                       resize->filter == Filter::kHamming || resize->filter == Filter::kLinear;
    return !means || !std::all_of(colours.begin(), colours.end(), is_straight);
  }
  const bool whole = std::holds_alternative<FlipMove>(move) || std::holds_alternative<WindowMove>(move);
  return !whole || !std::all_of(colours.begin(), colours.end(), is_pointwise);
}

// Where the grey of colours is wanted first, it is made first.
void Plan::colour(ColourMove move) {
  if (current_->to_grey) next_stage();
  if (const auto* erased = std::get_if<EraseMove>(&move)) {
    const bool needs_colour = grey_as_colour_ && (erased->noise || !is_plain_grey(erased->fill));
    if (needs_colour) {
      current_->to_colour = true;
      channels_ = 3;
      grey_as_colour_ = false;
      next_stage();
    }
  }
  current_->colours.push_back(std::move(move));
}

void Plan::window(const WindowMove& move) {
  if (!current_->warped) {
    current_->rows.crop(move.top, move.size.height);
    current_->columns.crop(move.left, move.size.width);
  }
  frame_.crop(move.top, move.left, move.size);
}

// Whether shrinking has taken away what the map now enlarges: then both must be done, one after the other.
bool Plan::loses_detail(const Matrix3& back) const {
  const Footprint so_far = footprint_of(frame_);
  const Footprint now = footprint_of(back, size_);
  return std::max(so_far.across, so_far.down) > kSlightShrink && std::min(now.across, now.down) < 1 / kSlightShrink;
}

void Plan::resize(const ResizeMove& move) {
  const Matrix3 back = Matrix3::scaling(static_cast<double>(size_.width) / move.size.width,
                                        static_cast<double>(size_.height) / move.size.height);
  if (current_->warped) {
    const bool joins = current_->mesh == nullptr && !is_exact_ && move.filter == Filter::kBilinear &&
                       current_->sampling == Sampling::kBilinear && !loses_detail(back) &&
                       !shrinks_askew(frame_.to_input() * back, move.size);
    if (joins) {
      has_resize_ = true;
      frame_.resize(move.size);
      return;
    }
    next_stage();
  }
  const bool bordered = !current_->rows.is_range() || !current_->columns.is_range();
  const bool reversed = current_->rows.is_reversed() || current_->columns.is_reversed();
  // Filters are symmetric, so that a flip may come after the resize; but two of them decide which pixel counts where two
  // are as near.
  const bool must_be_flipped_before = reversed && (move.filter == Filter::kNearest || move.filter == Filter::kBox);
  if (current_->resized || bordered || current_->to_grey || must_be_flipped_before) next_stage();
  Stage& stage = *current_;
  stage.window = {stage.columns.begin(), stage.rows.begin(), stage.columns.size(), stage.rows.size()};
  stage.resized = true;
  stage.filter = move.filter;
  stage.full = move.size;
  const bool rows_reversed = stage.rows.is_reversed();
  const bool columns_reversed = stage.columns.is_reversed();
  stage.rows.reset(move.size.height);
  stage.columns.reset(move.size.width);
  if (rows_reversed) stage.rows.flip();
  if (columns_reversed) stage.columns.flip();
  filter_ = move.filter;
  has_resize_ = true;
  frame_.resize(move.size);
}

void Plan::pad(const PadMove& move) {
  const bool constant = move.mode == PadMode::kConstant;
  if (current_->warped && (!constant || current_->mesh != nullptr)) next_stage();
  if (constant) {
    const bool needs_colour = grey_as_colour_ && !is_plain_grey(move.fill);
    if (needs_colour || (current_->has_border && current_->fill != move.fill)) {
      current_->to_colour = needs_colour;
      if (needs_colour) {
        channels_ = 3;
        grey_as_colour_ = false;
      }
      next_stage();
    }
    current_->fill = move.fill;
    current_->has_border = true;
  } else {
    repeats_ = true;
  }
  if (!current_->warped) {
    current_->rows.pad(move.margins.top, move.margins.bottom, move.mode);
    current_->columns.pad(move.margins.left, move.margins.right, move.mode);
  }
  frame_.pad(move.margins);
}

void Plan::grey(const GreyMove& move) {
  if (channels_ != 1) {
    current_->to_grey = true;
    const Fill& fill = current_->fill;
    current_->fill.fill(luminance(fill[0], fill[1], fill[2]));
    channels_ = 1;
  }
  grey_as_colour_ = move.channels == 3;
}

// Whether a warp can be composed with what the current stage does.
bool Plan::can_warp(const WarpMove& move, bool exact, bool bordered) const {
  const Stage& stage = *current_;
  if (stage.mesh != nullptr || repeats_ || (bordered && grey_as_colour_ && !is_plain_grey(move.look.fill))) return false;
  if (bordered && stage.has_border && stage.fill != move.look.fill) return false;
  if (exact) return !stage.resized || stage.warped;
  const bool joins = stage.warped || stage.resized;
  if (loses_detail(move.back) || (joins && shrinks_askew(frame_.to_input() * move.back, move.size))) return false;
  if (stage.warped && !is_exact_) return stage.sampling == move.look.sampling;
  return !filter_ || (*filter_ == Filter::kBilinear && move.look.sampling == Sampling::kBilinear);
}

void Plan::warp(const WarpMove& move) {
  const bool exact = is_exact(move.back);
  const bool bordered = !exact || !covers(move.back, move.size, size_);
  if (!can_warp(move, exact, bordered)) {
    if (bordered && grey_as_colour_ && !is_plain_grey(move.look.fill)) {
      current_->to_colour = true;
      channels_ = 3;
      grey_as_colour_ = false;
    }
    next_stage();
  }
  Stage& stage = *current_;
  if (!stage.warped) {
    if (!stage.resized) {  // else the window is the one that was to be resized
      AxisMap rows = stage.rows, columns = stage.columns;
      const AxisMap::Span down = rows.rebase(), across = columns.rebase();
      stage.window = {across.begin, down.begin, across.end - across.begin, down.end - down.begin};
    }
    stage.sampling = Sampling::kNearest;
    is_exact_ = true;
  }
  stage.warped = true;
  if (bordered) {
    stage.fill = move.look.fill;
    stage.has_border = true;
  }
  if (!exact) {
    stage.sampling = move.look.sampling;
    is_exact_ = false;
  }
  frame_.warp(move.back, move.size);
}

void Plan::mesh(const MeshMove& move) {
  const bool needs_colour = grey_as_colour_ && !is_plain_grey(move.look.fill);
  if (needs_colour) {
    current_->to_colour = true;
    channels_ = 3;
    grey_as_colour_ = false;
  }
  if (needs_colour || is_touched_) next_stage();
  current_->warped = true;
  current_->mesh = move.mesh;
  current_->sampling = move.look.sampling;
  current_->fill = move.look.fill;
  size_ = move.mesh->size;
  next_stage();
}

}  // namespace fastload
