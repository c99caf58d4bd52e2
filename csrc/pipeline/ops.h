// The steps of an image program, as the user wrote them. Sizes and rules are those of torchvision.transforms.v2.
#pragma once

#include <cstdint>
#include <variant>

#include "kernels/resample.h"
#include "pipeline/geometry_ops.h"
#include "pipeline/group_ops.h"
#include "pipeline/image_size.h"
#include "pipeline/pixel_ops.h"

namespace fastload {

enum class PadMode : std::uint8_t { kConstant, kEdge, kReflect, kSymmetric };

struct CropOp {
  int top, left;
  Size size;  // what lies outside of the image is 0
};
struct CenterCropOp {
  Size size;
};
struct PadOp {
  Margins margins;
  Fill fill;
  PadMode mode;
};
struct RandomCropOp {
  Size size;
  PadOp padding;  // before the crop
  bool pad_if_needed;
};
struct RandomResizedCropOp {
  Size size;
  double scale_low, scale_high;
  double ratio_low, ratio_high;
  Filter filter;
};
struct ResizeOp {
  Size size;
  Filter filter;
};
struct ResizeShorterOp {
  int shorter;
  int longest;  // 0: any
  Filter filter;
};
struct ResizeLongerOp {
  int longer;
  Filter filter;
};
// Until one of the sides is as long as its limit, and the other no longer; sides are rounded, as in Albumentations.
struct FitOp {
  Size limits;  // 0: any
  Filter filter, shrinking;
};
struct FlipOp {
  bool horizontal;
  double probability;
};
struct GrayscaleOp {
  int channels;  // 1 or 3
};

using Op = std::variant<CropOp, CenterCropOp, PadOp, RandomCropOp, RandomResizedCropOp, ResizeOp, ResizeShorterOp,
                        ResizeLongerOp, FitOp, FlipOp, GrayscaleOp, AffineOp, ShiftOp, PerspectiveOp, WarpOp,
                        Rotate90Op, TransposeOp, ZoomOutOp, ScaleJitterOp, ShortestSizeOp, LetterBoxOp, IouCropOp,
                        SafeCropOp, RemapOp, ElasticOp, GridOp, PixelOp, EraseOp, DropoutOp, GroupOp>;

struct Step {
  std::uint64_t stream;  // which of the sample's random streams it draws from
  Op op;
};

}  // namespace fastload
