#include "kernels/object_masks.h"

#include <algorithm>
#include <cmath>

namespace fastload {
namespace {

constexpr int kParts = 5;  // of a pixel, in which outlines are drawn
constexpr double kFarthest = 1e8;

struct Place {
  int x, y;
};

Place in_parts(double x, double y) {
  const auto part = [](double value) {
    return static_cast<int>(kParts * std::clamp(value, -kFarthest, kFarthest) + 0.5);
  };
  return {part(x), part(y)};
}

// How far places may be from an image and still be walked to one by one; from there on nothing depends on them.
constexpr int kMargin = kParts;

// Numbers from first to last, both included, in either direction.
template <class Step>
void walk(int first, int last, Step step) {
  for (int at = first; at != last; at += first < last ? 1 : -1) step(at);
  step(last);
}

// Calls step(place) for the places of the line from a to b, both included, where they can matter to an image of that
// height and width in parts: beyond its sides none is visited, and of a steep line beyond its top and bottom only one
// for each x. Lines are the same drawn either way.
template <class Step>
void draw_line(Place a, Place b, int height, int width, Step step) {
  const int dx = std::abs(b.x - a.x), dy = std::abs(b.y - a.y);
  const bool flat = dx >= dy;
  const bool turned = flat ? a.x > b.x : a.y > b.y;
  if (turned) std::swap(a, b);
  const int count = flat ? dx : dy;
  const double slope = count == 0 ? 0 : flat ? static_cast<double>(b.y - a.y) / dx : static_cast<double>(b.x - a.x) / dy;
  const auto other = [&](int t) { return static_cast<int>((flat ? a.y : a.x) + slope * t + 0.5); };
  const int begin = flat ? a.x : a.y, end = (flat ? width : height) + kMargin;
  const int first = std::max(0, -kMargin - begin), last = std::min(count, end - begin);  // of those near the image
  const auto near_image = [&] {
    if (first > last) return;
    walk(turned ? last : first, turned ? first : last,
         [&](int t) { step(flat ? Place{a.x + t, other(t)} : Place{other(t), a.y + t}); });
  };
  const auto beyond = [&](int from, int to, int y) {
    if (flat || from > to) return;
    const auto x = [&](int t) { return std::clamp(other(t), -kMargin, width + kMargin); };
    walk(x(turned ? to : from), x(turned ? from : to), [&](int at) { step(Place{at, y}); });
  };
  const auto above = [&] { beyond(0, std::min(count, first - 1), -kMargin - 1); };
  const auto below = [&] { beyond(std::max(0, last + 1), count, end + 1); };
  turned ? below() : above();
  near_image();
  turned ? above() : below();
}

}  // namespace

bool runs_of_text(std::string_view text, Runs* runs) {
  runs->clear();
  std::size_t at = 0;
  while (at < text.size()) {
    std::int64_t value = 0;
    int shift = 0;
    bool more = true;
    while (more) {
      if (at == text.size() || shift > 30) return false;
      const int code = static_cast<unsigned char>(text[at++]) - 48;
      if (code < 0 || code > 63) return false;
      value |= static_cast<std::int64_t>(code & 0x1f) << shift;
      shift += 5;
      more = (code & 0x20) != 0;
      if (!more && (code & 0x10) != 0) value |= -(std::int64_t{1} << shift);
    }
    if (runs->size() > 2) value += (*runs)[runs->size() - 2];  // from the third on, less the one before the last
    if (value < 0 || value > UINT32_MAX) return false;
    runs->push_back(static_cast<std::uint32_t>(value));
  }
  return true;
}

bool add_runs(std::span<const std::uint32_t> runs, int height, int width, std::uint8_t* out) {
  const std::int64_t pixels = std::int64_t{height} * width;
  std::int64_t at = 0;
  bool inside = false;
  for (const std::uint32_t run : runs) {
    if (run > pixels - at) return false;
    if (inside) {
      int x = static_cast<int>(at / height), y = static_cast<int>(at % height);
      for (std::uint32_t i = 0; i < run; ++i) {
        out[static_cast<std::ptrdiff_t>(y) * width + x] = 1;
        if (++y == height) {
          y = 0;
          ++x;
        }
      }
    }
    at += run;
    inside = !inside;
  }
  return at == pixels;
}

void add_polygon(std::span<const double> corners, int height, int width, std::vector<std::uint8_t>* scratch,
                 std::uint8_t* out) {
  const std::size_t count = corners.size() / 2;
  // Where the outline crosses the middle of a column, all that is below changes sides.
  std::vector<std::uint8_t>& changes = *scratch;
  changes.assign(static_cast<std::size_t>(width) * (static_cast<std::size_t>(height) + 1), 0);
  bool begun = false;
  Place last{0, 0};
  int left = width, right = -1;
  const auto step = [&](Place place) {
    if (begun && place.x != last.x) {
      const int between = std::min(place.x, place.x < last.x ? place.x : place.x - 1);
      const double x = (between + 0.5) / kParts - 0.5;
      if (x == std::floor(x) && x >= 0 && x <= width - 1) {
        const double y = (std::min(place.y, last.y) + 0.5) / kParts - 0.5;
        const int row = static_cast<int>(std::ceil(std::clamp(y, 0.0, static_cast<double>(height))));
        const int column = static_cast<int>(x);
        changes[static_cast<std::size_t>(column) * (static_cast<std::size_t>(height) + 1) + static_cast<std::size_t>(row)] ^= 1;
        left = std::min(left, column);
        right = std::max(right, column);
      }
    }
    last = place;
    begun = true;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t j = (i + 1) % count;
    draw_line(in_parts(corners[2 * i], corners[2 * i + 1]), in_parts(corners[2 * j], corners[2 * j + 1]),
              kParts * height, kParts * width, step);
  }
  for (int x = left; x <= right; ++x) {
    const std::uint8_t* column = changes.data() + static_cast<std::size_t>(x) * (static_cast<std::size_t>(height) + 1);
    std::uint8_t inside = 0;
    for (int y = 0; y < height; ++y) {
      inside ^= column[y];
      if (inside) out[static_cast<std::ptrdiff_t>(y) * width + x] = 1;
    }
  }
}

}  // namespace fastload
