// What is done to one image: passes over it, as few as give the same pixels as step by step.
//
// A stage takes a window of its input, resizes it if it has to, and places the result: crops, flips and borders. Where
// there is a warp, all that becomes one map, and the resize is what antialiasing needs. What cannot join a stage without
// changing pixels begins the next one: a second resize, a resize of what has a border, a border of another colour.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/image_view.h"
#include "pipeline/axis_map.h"
#include "pipeline/frame.h"
#include "pipeline/moves.h"

namespace fastload {

struct Stage {
  Region window;        // of the input; nothing outside of it is read
  bool resized = false; // else rows and columns place the window itself
  Filter filter = Filter::kBilinear;
  Size full;            // the size that the window is resized to,
  AxisMap::Span wanted_rows{0, 0};  // and which rows and columns of that are needed
  AxisMap::Span wanted_columns{0, 0};
  AxisMap rows, columns;  // from what is needed to what comes out
  Fill fill{};
  bool has_border = false;  // of the colour `fill`
  bool to_grey = false;     // what comes out is grey, what goes in is not
  bool to_colour = false;   // the other way round, three equal channels
  bool warped = false;      // by `to_read` from what comes out to what was read; then rows and columns move nothing
  Matrix3 to_read;
  std::vector<Canvas> canvases;
  Sampling sampling = Sampling::kNearest;
  std::shared_ptr<const Mesh> mesh;  // instead of a map
  std::vector<ColourMove> colours;  // of what comes out, at last
  Size out;
};

// Kept from one image to the next for its memory.
class Plan {
 public:
  // channels: 1, 3 or 4, of the image. Moves are added in the order in which they are to be seen.
  // fused: moves are composed; else each begins a stage.
  void begin(Size size, int channels, bool fused = true);
  void add(const Move& move);
  void end();

  int stages() const noexcept { return count_; }
  const Stage& stage(int number) const noexcept { return stages_[static_cast<std::size_t>(number)]; }
  Size size() const noexcept { return size_; }
  int channels() const noexcept { return grey_as_colour_ ? 3 : channels_; }  // of what comes out: 1, 3 or 4
  bool is_grey() const noexcept { return channels_ == 1; }  // one channel is computed, or three equal ones

 private:
  void window(const WindowMove& move);
  void resize(const ResizeMove& move);
  void pad(const PadMove& move);
  void grey(const GreyMove& move);
  void warp(const WarpMove& move);
  void mesh(const MeshMove& move);
  void colour(ColourMove move);
  bool is_move_after_colours(const Move& move) const;
  bool can_warp(const WarpMove& move, bool exact, bool bordered) const;
  bool loses_detail(const Matrix3& back) const;
  void open_stage();
  void close_stage();
  void close_warped_stage();
  void next_stage();

  std::vector<Stage> stages_;
  int count_ = 0;
  Stage* current_ = nullptr;
  Frame frame_;                  // of the current stage
  std::optional<Filter> filter_; // that the current stage was resized with
  bool is_exact_ = false;        // the current stage's warp moves whole pixels
  bool repeats_ = false;         // the current stage has a border of repeated pixels
  bool fused_ = true;
  bool is_touched_ = false;      // the current stage does something
  bool has_resize_ = false;      // one of the current stage's moves is a resize
  Size size_;
  int channels_ = 0;
  bool grey_as_colour_ = false;
};

}  // namespace fastload
