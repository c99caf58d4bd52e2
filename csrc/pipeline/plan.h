// What is done to one image: passes over it, as few as give the same pixels as step by step.
//
// A stage takes a window of its input, resizes it if it has to, and places the result: crops, flips and borders. What
// cannot join a stage without changing pixels begins the next one: a second resize, a resize of what has a border, a
// border of another colour.
#pragma once

#include <cstdint>
#include <vector>

#include "core/image_view.h"
#include "pipeline/axis_map.h"
#include "pipeline/draw.h"

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
  Size out;
};

// Kept from one image to the next for its memory.
class Plan {
 public:
  // channels: 1, 3 or 4, of the image. Moves are added in the order in which they are to be seen.
  void begin(Size size, int channels);
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
  void open_stage();
  void close_stage();

  std::vector<Stage> stages_;
  int count_ = 0;
  Stage* current_ = nullptr;
  Size size_;
  int channels_ = 0;
  bool grey_as_colour_ = false;
};

}  // namespace fastload
