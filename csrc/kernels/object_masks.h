// Masks of objects as COCO writes them: polygons, and runs column by column.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fastload {

// Lengths of runs of 0 and of 1 in turns, down the columns one after the other.
using Runs = std::vector<std::uint32_t>;

// The runs that COCO's compressed text stands for; false if it stands for none.
bool runs_of_text(std::string_view text, Runs* runs);

// Sets the pixels of the height x width mask `out`, row by row, that are in runs of 1. False if the runs are not those of
// a mask of that size.
bool add_runs(std::span<const std::uint32_t> runs, int height, int width, std::uint8_t* out);

// Sets the pixels that are inside of a polygon (x, y, x, y, ...), by the rule of COCO's own tools: the outline is drawn in
// fifths of a pixel, and a pixel is inside if its middle is. `scratch` is kept for its memory.
void add_polygon(std::span<const double> corners, int height, int width, std::vector<std::uint8_t>* scratch,
                 std::uint8_t* out);

}  // namespace fastload
