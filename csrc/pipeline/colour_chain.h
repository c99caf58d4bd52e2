// Changes of colours that need nothing but the pixel itself, one after the other, as the fewest passes over an image.
//
// Tables and permutations of channels become one table and one permutation, which give the same bits. Straight lines
// (brightness, inversion, saturation, permutations) become one matrix where nothing is cut off between them, and where the
// roundings that are left out are known to count for no more than one level for each change. All others stay what they
// are, and are made over rows that the cache holds.
#pragma once

#include <array>
#include <optional>
#include <variant>
#include <vector>

#include "core/image_view.h"
#include "kernels/color.h"
#include "kernels/color_matrix.h"

namespace fastload {

enum class Rounding { kNone, kDown, kNearest };

// slope * level + offset, rounded and cut off.
struct Line {
  double slope, offset;
  Rounding rounding;
};

// One change of colours or several.
struct ColourPass {
  struct Levels {
    std::optional<LevelTable> table;
    std::array<int, 3> order{0, 1, 2};  // of the channels that come out of the table
  };
  struct Mixed {
    ColorMatrix matrix;
    Rounding rounding;           // of the last change
    double low = 0, high = 0;    // by how many levels changes one by one are off the matrix, before that rounding
  };
  std::optional<Levels> levels;  // if it is that exactly
  std::optional<Mixed> mixed;    // if it is that but for roundings
  std::variant<std::monostate, float, HsvShift> alone;  // a saturation or shift that is neither, or not yet
  int changes = 1;
};

ColourPass table_pass(const LevelTable& table, const std::optional<Line>& line);
ColourPass saturation_pass(float factor);
ColourPass hsv_pass(const HsvShift& shift);
ColourPass permutation_pass(const int order[3]);

// First `first`, then `then`: nothing if that is not one pass.
std::optional<ColourPass> joined(const ColourPass& first, const ColourPass& then);

class ColourChain {
 public:
  void clear() noexcept { passes_.clear(); }
  void add(ColourPass pass);

  // Changes an image of 1 or 4 bytes a pixel, in place, and is empty again.
  void run(ImageView image);

  std::size_t passes() const noexcept { return passes_.size(); }

 private:
  std::vector<ColourPass> passes_;
};

}  // namespace fastload
