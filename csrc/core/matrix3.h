// Projective maps of the plane: (x, y) to (X / W, Y / W), in pixels; pixel i of an axis covers [i, i + 1).
#pragma once

#include <cmath>
#include <optional>

namespace fastload {

struct Point {
  double x = 0;
  double y = 0;
};

struct Matrix3 {
  double m[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};

  static Matrix3 translation(double x, double y) noexcept { return {{{1, 0, x}, {0, 1, y}, {0, 0, 1}}}; }
  static Matrix3 scaling(double x, double y) noexcept { return {{{x, 0, 0}, {0, y, 0}, {0, 0, 1}}}; }

  bool is_affine() const noexcept { return m[2][0] == 0 && m[2][1] == 0 && m[2][2] == 1; }
  double row(int r, Point p) const noexcept { return m[r][0] * p.x + m[r][1] * p.y + m[r][2]; }
  double weight(Point p) const noexcept { return row(2, p); }

  // Means something where weight(p) is positive.
  Point operator()(Point p) const noexcept {
    if (is_affine()) return {row(0, p), row(1, p)};
    const double w = weight(p);
    return {row(0, p) / w, row(1, p) / w};
  }

  double determinant() const noexcept {
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
  }
};

// First b, then a.
inline Matrix3 operator*(const Matrix3& a, const Matrix3& b) noexcept {
  Matrix3 product;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      product.m[r][c] = a.m[r][0] * b.m[0][c] + a.m[r][1] * b.m[1][c] + a.m[r][2] * b.m[2][c];
    }
  }
  return product;
}

// Nothing if the map makes lines or points of areas, or is not finite. Where the map's weight is positive, so is that of
// its inverse.
inline std::optional<Matrix3> inverse(const Matrix3& a) noexcept {
  const double determinant = a.determinant();
  if (!std::isfinite(determinant) || std::abs(determinant) < 1e-12) return std::nullopt;
  Matrix3 back;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      const int r1 = (c + 1) % 3, r2 = (c + 2) % 3, c1 = (r + 1) % 3, c2 = (r + 2) % 3;
      back.m[r][c] = (a.m[r1][c1] * a.m[r2][c2] - a.m[r1][c2] * a.m[r2][c1]) / determinant;
    }
  }
  return back;
}

}  // namespace fastload
