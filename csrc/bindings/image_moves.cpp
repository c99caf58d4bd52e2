#include "bindings/image_moves.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "bindings/image_errors.h"
#include "pipeline/draw.h"

namespace fastload {
namespace {

namespace py = pybind11;

// One move as (name, ...).
py::tuple described(const Move& move) {
  struct Describe {
    py::tuple operator()(const PadMove& m) const {
      return py::make_tuple("pad", m.margins.left, m.margins.top, m.margins.right, m.margins.bottom);
    }
    py::tuple operator()(const WindowMove& m) const {
      return py::make_tuple("window", m.top, m.left, m.size.height, m.size.width);
    }
    py::tuple operator()(const ResizeMove& m) const { return py::make_tuple("resize", m.size.height, m.size.width); }
    py::tuple operator()(const FlipMove& m) const { return py::make_tuple("flip", m.horizontal); }
    py::tuple operator()(const GreyMove& m) const { return py::make_tuple("grayscale", m.channels); }
    py::tuple operator()(const WarpMove& m) const {
      py::array_t<double> back({3, 3});
      for (int i = 0; i < 9; ++i) back.mutable_data()[i] = m.back.m[i / 3][i % 3];
      return py::make_tuple("warp", back, m.size.height, m.size.width);
    }
    py::tuple operator()(const MeshMove& m) const {
      py::array_t<float> xy({m.mesh->size.height, m.mesh->size.width, 2});
      auto places = xy.mutable_unchecked<3>();
      for (int y = 0; y < m.mesh->size.height; ++y) {
        for (int x = 0; x < m.mesh->size.width; ++x) {
          const Point place = m.mesh->at(x, y);
          places(y, x, 0) = static_cast<float>(place.x);
          places(y, x, 1) = static_cast<float>(place.y);
        }
      }
      return py::make_tuple("mesh", xy);
    }
    py::tuple operator()(const CentreMove& m) const {
      return py::make_tuple("centre", m.top, m.left, m.size.height, m.size.width);
    }
    py::tuple operator()(const PixelMove& m) const {
      return py::make_tuple("pixels", static_cast<int>(m.kind), py::cast(m.values), m.key);
    }
    py::tuple operator()(const EraseMove& m) const {
      py::list holes;
      for (const Region& hole : m.holes) holes.append(py::make_tuple(hole.y, hole.x, hole.height, hole.width));
      return py::make_tuple("erase", holes, m.key);
    }
  };
  return std::visit(Describe{}, move);
}

// A crop or a resized crop, whose window and borders are of interest even where they do nothing.
py::tuple windowed(const Step& step, const std::vector<Move>& moves, Size before, Size after) {
  Margins pad{};
  WindowMove window{0, 0, before};
  for (const Move& move : moves) {
    if (const auto* p = std::get_if<PadMove>(&move)) {
      pad = p->margins;
      window.size = {before.height + pad.top + pad.bottom, before.width + pad.left + pad.right};
    }
    if (const auto* w = std::get_if<WindowMove>(&move)) window = *w;
  }
  const auto [top, left, size] = window;
  if (std::holds_alternative<RandomResizedCropOp>(step.op)) {
    return py::make_tuple("resized_window", top, left, size.height, size.width, after.height, after.width);
  }
  return py::make_tuple("padded_window", pad.left, pad.top, pad.right, pad.bottom, top, left, size.height, size.width);
}

template <class... Ops>
bool is_any_of(const Op& op) {
  return (std::holds_alternative<Ops>(op) || ...);
}

py::tuple described(const Step& step, const std::vector<Move>& moves, Size before, Size after) {
  if (is_any_of<CropOp, CenterCropOp, RandomCropOp, RandomResizedCropOp>(step.op)) {
    return windowed(step, moves, before, after);
  }
  if (is_any_of<ResizeOp, ResizeShorterOp, ResizeLongerOp>(step.op)) {
    return py::make_tuple("resize", after.height, after.width);
  }
  if (std::holds_alternative<FlipOp>(step.op)) return py::make_tuple("flip", !moves.empty());
  if (const auto* pad = std::get_if<PadOp>(&step.op)) {
    return py::make_tuple("pad", pad->margins.left, pad->margins.top, pad->margins.right, pad->margins.bottom);
  }
  if (std::holds_alternative<GrayscaleOp>(step.op)) return py::make_tuple("grayscale");
  py::list all;
  for (const Move& move : moves) all.append(described(move));
  return py::make_tuple("moves", all);
}

}  // namespace

py::list drawn_steps(const ImageProgram& program, std::uint64_t key, Size size, Targets* targets) {
  py::list drawn;
  std::vector<Move> moves;
  if (targets != nullptr) targets->start(size);
  for (const Step& step : program.steps()) {
    moves.clear();
    const Size before = size;
    const Status status = draw(step, key, &size, targets, &moves);
    if (!status.ok()) raise_image_fault(status, py::none());
    drawn.append(described(step, moves, before, size));
  }
  return drawn;
}

}  // namespace fastload
