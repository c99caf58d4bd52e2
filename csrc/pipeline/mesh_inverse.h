// Where places of an image go in a mesh, which says only where its pixels come from.
#pragma once

#include <optional>
#include <vector>

#include "pipeline/targets.h"

namespace fastload {

// The way back through a mesh, for as many points as there are. Of a grid it is exact. Other meshes are bilinear between
// the centres of pixels, and beyond the outermost ones everything moves as far as it does there, so that each place goes
// somewhere. Where folds show a place several times, it goes to the nearest of them; only what is not shown anywhere
// goes out of the picture. What is too far away for numbers stays where it is.
class MeshInverse {
 public:
  explicit MeshInverse(const Mesh& mesh) : mesh_(mesh) {}

  Point operator()(Point place);
  Polygon operator()(Polygon places);

 private:
  // Of what its cells show: cells are the squares between the centres of four pixels.
  struct Block {
    float left, top, right, bottom;
  };

  // A cell in the output, and what its corners show: upper left and right, lower left and right.
  struct Cell {
    Point shows[4];
    Point start, end;
  };

  void look_at_blocks();
  Block extent_of(int block_x, int block_y) const;
  std::optional<Point> within(Point place);
  void search_block(int block_x, int block_y, Point place);
  void search_cell(const Cell& cell, Point place);
  Cell cell_at(int x, int y, double reach) const;
  std::optional<Point> beyond(Point place);
  void hold(Point found, Point place);

  const Mesh& mesh_;
  int blocks_across_ = 0, blocks_down_ = 0;
  std::vector<Block> blocks_;      // built for the first point that needs them
  std::optional<Point> nearest_;   // of those found so far
  double away_ = 0;                // squared
};

}  // namespace fastload
