#include "pipeline/plan.h"

#include "core/luminance.h"

namespace fastload {
namespace {

bool is_plain_grey(const Fill& fill) { return fill[0] == fill[1] && fill[1] == fill[2]; }

}  // namespace

void Plan::begin(Size size, int channels) {
  count_ = 0;
  size_ = size;
  channels_ = channels;
  grey_as_colour_ = false;
  open_stage();
}

void Plan::open_stage() {
  if (count_ == static_cast<int>(stages_.size())) stages_.emplace_back();
  current_ = &stages_[static_cast<std::size_t>(count_++)];
  Stage& stage = *current_;
  stage.window = {0, 0, size_.width, size_.height};
  stage.resized = stage.has_border = stage.to_grey = stage.to_colour = false;
  stage.fill = Fill{};
  stage.rows.reset(size_.height);
  stage.columns.reset(size_.width);
}

void Plan::close_stage() {
  Stage& stage = *current_;
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

void Plan::end() { close_stage(); }

void Plan::add(const Move& move) {
  struct Add {
    Plan& plan;
    void operator()(const PadMove& m) const { plan.pad(m); }
    void operator()(const WindowMove& m) const { plan.window(m); }
    void operator()(const ResizeMove& m) const { plan.resize(m); }
    void operator()(const FlipMove& m) const {
      m.horizontal ? plan.current_->columns.flip() : plan.current_->rows.flip();
    }
    void operator()(const GreyMove& m) const { plan.grey(m); }
  };
  std::visit(Add{*this}, move);
  size_ = {current_->rows.size(), current_->columns.size()};
}

void Plan::window(const WindowMove& move) {
  current_->rows.crop(move.top, move.size.height);
  current_->columns.crop(move.left, move.size.width);
}

void Plan::resize(const ResizeMove& move) {
  const bool bordered = !current_->rows.is_range() || !current_->columns.is_range();
  const bool reversed = current_->rows.is_reversed() || current_->columns.is_reversed();
  // Filters are symmetric, so that a flip may come after the resize; but two of them decide which pixel counts where two
  // are as near.
  const bool must_be_flipped_before = reversed && (move.filter == Filter::kNearest || move.filter == Filter::kBox);
  if (current_->resized || bordered || current_->to_grey || must_be_flipped_before) {
    close_stage();
    open_stage();
  }
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
}

void Plan::pad(const PadMove& move) {
  if (move.mode == PadMode::kConstant) {
    const bool needs_colour = grey_as_colour_ && !is_plain_grey(move.fill);
    if (needs_colour || (current_->has_border && current_->fill != move.fill)) {
      current_->to_colour = needs_colour;
      if (needs_colour) {
        channels_ = 3;
        grey_as_colour_ = false;
      }
      close_stage();
      open_stage();
    }
    current_->fill = move.fill;
    current_->has_border = true;
  }
  current_->rows.pad(move.margins.top, move.margins.bottom, move.mode);
  current_->columns.pad(move.margins.left, move.margins.right, move.mode);
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

}  // namespace fastload
