// Targets: boxes and points on their way through a program.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "pipeline/targets.h"

namespace fastload {
namespace {

namespace py = pybind11;
using namespace pybind11::literals;
using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

void check_rows(const Doubles& values, int columns, const char* name) {
  if (values.ndim() != 2 || values.shape(1) != columns) {
    throw py::value_error(std::string(name) + " must be (N, " + std::to_string(columns) + "), got " +
                          py::str(values.attr("shape")).cast<std::string>());
  }
}

std::vector<Targets::Object> objects_of(const Doubles& boxes, const Doubles& quads, bool ellipse) {
  check_rows(boxes, 4, "boxes");
  check_rows(quads, 8, "quads");
  std::vector<Targets::Object> objects;
  objects.reserve(static_cast<std::size_t>(boxes.shape(0) + quads.shape(0)));
  for (ssize_t i = 0; i < boxes.shape(0); ++i) {
    const Box box{boxes.at(i, 0), boxes.at(i, 1), boxes.at(i, 2), boxes.at(i, 3)};
    objects.push_back(object_of(box, ellipse ? Outline::kEllipse : Outline::kRectangle));
  }
  for (ssize_t i = 0; i < quads.shape(0); ++i) {
    Polygon corners;
    for (int k = 0; k < 8; k += 2) corners.push_back({quads.at(i, k), quads.at(i, k + 1)});
    Targets::Object& object = objects.emplace_back();
    object.outline = std::move(corners);
    object.has_corners = true;
  }
  return objects;
}

std::unique_ptr<Targets> make_targets(const Doubles& boxes, const Doubles& quads, const Doubles& points, bool ellipse,
                                      bool relative) {
  check_rows(points, 2, "points");
  std::vector<Point> all;
  for (ssize_t i = 0; i < points.shape(0); ++i) all.push_back({points.at(i, 0), points.at(i, 1)});
  return std::make_unique<Targets>(objects_of(boxes, quads, ellipse), std::move(all), relative);
}

// Such short loops that a call of NumPy for each of their steps would take longer.
bool are_boxes(const Doubles& values, bool corners) {
  check_rows(values, 4, "boxes");
  const double* box = values.data();
  for (ssize_t i = 0; i < values.shape(0); ++i, box += 4) {
    for (int k = 0; k < 4; ++k) {
      if (!std::isfinite(box[k])) return false;
    }
    if (corners ? box[2] < box[0] || box[3] < box[1] : box[2] < 0 || box[3] < 0) return false;
  }
  return true;
}

// Whether edges are as far apart as those of anything must be, and as float32 can tell in pixels and in parts of a side.
bool are_apart(double low, double high) {
  const double step = std::max(std::abs(low), std::abs(high)) * std::numeric_limits<float>::epsilon();
  return high - low > std::max(step, kLeastSide * (1 - 1e-6));
}

py::array_t<bool> boxes_left(const Doubles& edges, const Doubles& visible) {
  check_rows(edges, 4, "edges");
  if (visible.ndim() != 1 || visible.shape(0) != edges.shape(0)) {
    throw py::value_error("visible must have an entry for each box");
  }
  py::array_t<bool> left(edges.shape(0));
  bool* out = left.mutable_data();
  const double* box = edges.data();
  for (ssize_t i = 0; i < edges.shape(0); ++i, box += 4) {
    out[i] = visible.data()[i] > 0 && are_apart(box[0], box[2]) && are_apart(box[1], box[3]);
  }
  return left;
}

py::array_t<double> boxes_of(const Targets& targets, bool clip) {
  const auto& objects = targets.objects();
  py::array_t<double> boxes({static_cast<ssize_t>(objects.size()), ssize_t{4}});
  double* out = boxes.mutable_data();
  for (const Targets::Object& object : objects) {
    const Polygon& polygon = clip ? object.visible : object.outline;
    const Box box = polygon.empty() ? Box{} : enclosing(polygon);
    for (const double edge : {box.left, box.top, box.right, box.bottom}) *out++ = edge;
  }
  return boxes;
}

py::array_t<double> visible_of(const Targets& targets) {
  py::array_t<double> parts(static_cast<ssize_t>(targets.objects().size()));
  double* out = parts.mutable_data();
  for (const Targets::Object& object : targets.objects()) *out++ = object.visible_part();
  return parts;
}

// Outlines that a perspective has cut have other numbers of corners, and become what encloses them.
py::array_t<double> quads_of(const Targets& targets) {
  const auto& objects = targets.objects();
  py::array_t<double> quads({static_cast<ssize_t>(objects.size()), ssize_t{8}});
  double* out = quads.mutable_data();
  for (const Targets::Object& object : objects) {
    Polygon corners = object.outline;
    if (corners.size() != 4) {
      const Box box = corners.empty() ? Box{} : enclosing(corners);
      corners = rectangle(box);
    }
    for (const Point corner : corners) {
      *out++ = corner.x;
      *out++ = corner.y;
    }
  }
  return quads;
}

void resume(Targets& targets, const Targets& others, const std::vector<int>& numbers) {
  const auto is_one = [&](int number) { return number < static_cast<int>(others.objects().size()); };
  if (numbers.size() != targets.count() || !std::all_of(numbers.begin(), numbers.end(), is_one)) {
    throw py::value_error("numbers must have one of the others' objects, or -1, for each object");
  }
  targets.resume(others, numbers);
}

py::array_t<double> points_of(const Targets& targets) {
  py::array_t<double> points({static_cast<ssize_t>(targets.points().size()), ssize_t{2}});
  double* out = points.mutable_data();
  for (const Point point : targets.points()) {
    *out++ = point.x;
    *out++ = point.y;
  }
  return points;
}

py::array_t<bool> seen_points(const Targets& targets) {
  py::array_t<bool> seen(static_cast<ssize_t>(targets.points_seen().size()));
  std::copy(targets.points_seen().begin(), targets.points_seen().end(), seen.mutable_data());
  return seen;
}

}  // namespace

void bind_image_targets(py::module_& m) {
  m.def("are_boxes", &are_boxes, "boxes"_a, "corners"_a,
        "Whether (N, 4) numbers are finite, and the second two of each not less than the first two (corners) or than 0.");
  m.def("boxes_left", &boxes_left, "edges"_a, "visible"_a,
        "(N,): which of the (N, 4) boxes have sides of a thousandth of a pixel or more that float32 can hold, and are visible.");
  py::class_<Targets>(m, "Targets", "Boxes (left, top, right, bottom) and points that move with an image. All float64.")
      .def(py::init(&make_targets), "boxes"_a, "quads"_a, "points"_a, "ellipse"_a = false, "relative"_a = false)
      .def("boxes", &boxes_of, "clip"_a = true, "(N, 4): what encloses each object, or what is visible of it.")
      .def("visible", &visible_of, "(N,): which part of each object's area is visible.")
      .def("quads", &quads_of, "(N, 8): the four corners of each object, not cut off.")
      .def("go_on", &Targets::go_on, "Lets what they are by now be what the next program begins with.")
      .def("resume", &resume, "others"_a, "numbers"_a,
           "Lets objects begin as what others, by number, have become in an image of the same size; -1: none.")
      .def("points", &points_of, "(N, 2).")
      .def("points_seen", &seen_points, "(N,): which points were never outside of the image.")
      .def_property_readonly(
          "size", [](const Targets& targets) { return py::make_tuple(targets.size().height, targets.size().width); },
          "(height, width) of the image that they were moved with, before it was.")
      .def_property_readonly("mirrored", &Targets::is_mirrored, "Whether left and right are exchanged.");
}

}  // namespace fastload
