// How much of the input an output pixel covers, and so by how much what shrinks is to be antialiased.
#pragma once

#include "core/matrix3.h"
#include "pipeline/frame.h"
#include "pipeline/ops.h"

namespace fastload {

// Input pixels across and down that an output pixel covers. Of a perspective, the least of all that show something: who
// antialiased by more would blur away what is seen there.
struct Footprint {
  double across = 1;
  double down = 1;
};
Footprint footprint_of(const Frame& frame);
Footprint footprint_of(const Matrix3& to_input, Size size);  // all of the output shows something

// What an image of that size is to be shrunk to before it is interpolated. Interpolation by itself takes in as much as
// one and a half pixels of an axis; what was shrunk further would be blurred twice. is_resize: a resize is part of the map,
// whose filter takes in all that it shrinks.
Size shrunk_before(const Footprint& print, Size size, bool is_resize);

// Whether shrinking along the input's axes, which is what antialiases, blurs more than the map asks for, in the middle of
// the output: one that turns the image and then shrinks it more in one direction than in the other does so askew.
bool shrinks_askew(const Matrix3& to_input, Size size);

// A map that shrinks by less than this takes no detail away that could be missed.
constexpr double kSlightShrink = 1.1;

}  // namespace fastload
