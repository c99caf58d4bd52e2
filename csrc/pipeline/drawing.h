// One step's random parameters, and what they make of an image of a given size.
#pragma once

#include <vector>

#include "core/status.h"
#include "pipeline/moves.h"
#include "pipeline/ops.h"
#include "pipeline/sample_stream.h"
#include "pipeline/targets.h"

namespace fastload {

constexpr double kRounding = 1e-9;  // of a pixel: 0.7 * 90 is 63, which doubles make less of

class Drawing {
 public:
  // boxes: what the image shows at this point; steps that look at them are told.
  Drawing(StepRandom random, Size* size, const std::vector<Box>& boxes, std::vector<Move>* moves)
      : random_(random), size_(*size), boxes_(boxes), moves_(*moves) {}

  Status operator()(const CropOp& op);
  Status operator()(const CenterCropOp& op);
  Status operator()(const PadOp& op);
  Status operator()(const RandomCropOp& op);
  Status operator()(const RandomResizedCropOp& op);
  Status operator()(const ResizeOp& op);
  Status operator()(const ResizeShorterOp& op);
  Status operator()(const ResizeLongerOp& op);
  Status operator()(const FitOp& op);
  Status operator()(const FlipOp& op);
  Status operator()(const GrayscaleOp& op);

  Status operator()(const AffineOp& op);
  Status operator()(const ShiftOp& op);
  Status operator()(const PerspectiveOp& op);
  Status operator()(const WarpOp& op);
  Status operator()(const Rotate90Op& op);
  Status operator()(const TransposeOp& op);
  Status operator()(const ZoomOutOp& op);
  Status operator()(const ScaleJitterOp& op);
  Status operator()(const ShortestSizeOp& op);
  Status operator()(const LetterBoxOp& op);
  Status operator()(const IouCropOp& op);
  Status operator()(const SafeCropOp& op);
  Status operator()(const RemapOp& op);
  Status operator()(const ElasticOp& op);
  Status operator()(const GridOp& op);

  Status operator()(const PixelOp& op);
  Status operator()(const EraseOp& op);
  Status operator()(const DropoutOp& op);
  Status operator()(const GroupOp&) { return {}; }  // its members are drawn one by one

 private:
  Status check_pad(const PadOp& op) const;
  void add_pad(const PadOp& op);  // a negative margin takes away
  void add_window(const WindowMove& move);
  Status add_resize(Size size, Filter filter);
  Status add_warp(const Matrix3& forward, Size size, const WarpLook& look);
  double between(const Range& range) { return random_.uniform(range.low, range.high); }
  bool happens(double probability) { return random_.uniform() < probability; }

  StepRandom random_;
  Size& size_;
  const std::vector<Box>& boxes_;
  std::vector<Move>& moves_;
};

}  // namespace fastload
