#include "pipeline/meshes.h"

#include <algorithm>
#include <cmath>

namespace fastload {
namespace {

using Field = std::vector<float>;

// torchvision's window: int(8 * sigma + 1) taps, or one more where that is even.
int taps_of(double sigma) { return static_cast<int>(8 * sigma + 1) | 1; }

std::vector<float> gaussian(double sigma, int taps) {
  std::vector<float> weights(static_cast<std::size_t>(taps));
  double sum = 0;
  for (int i = 0; i < taps; ++i) {
    const double x = (i - taps / 2) / sigma;
    weights[static_cast<std::size_t>(i)] = static_cast<float>(std::exp(-x * x / 2));
    sum += weights[static_cast<std::size_t>(i)];
  }
  for (float& weight : weights) weight = static_cast<float>(weight / sum);
  return weights;
}

// A position beyond the border, reflected without the border row itself; of an axis that may be shorter than the taps.
int reflected(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = std::abs(i) % period;
  return i < size ? i : period - i;
}

void blur_rows(Field* field, Size size, const std::vector<float>& weights) {
  const int reach = static_cast<int>(weights.size()) / 2;
  Field row(static_cast<std::size_t>(size.width + 2 * reach));
  for (int y = 0; y < size.height; ++y) {
    float* values = field->data() + static_cast<std::ptrdiff_t>(y) * size.width;
    for (int x = -reach; x < size.width + reach; ++x) row[static_cast<std::size_t>(x + reach)] = values[reflected(x, size.width)];
    std::fill(values, values + size.width, 0.0F);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const float weight = weights[k];
      const float* shifted = row.data() + k;
      for (int x = 0; x < size.width; ++x) values[x] += weight * shifted[x];
    }
  }
}

void blur_columns(Field* field, Size size, const std::vector<float>& weights) {
  const int reach = static_cast<int>(weights.size()) / 2;
  Field blurred(field->size(), 0.0F);
  for (int y = 0; y < size.height; ++y) {
    float* out = blurred.data() + static_cast<std::ptrdiff_t>(y) * size.width;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const int from = reflected(y + static_cast<int>(k) - reach, size.height);
      const float* in = field->data() + static_cast<std::ptrdiff_t>(from) * size.width;
      for (int x = 0; x < size.width; ++x) out[x] += weights[k] * in[x];
    }
  }
  field->swap(blurred);
}

// As in torchvision, along x and along y in windows of as many taps, whichever sigma they are of.
Field smooth_noise(Size size, double sigma_x, double sigma_y, int taps, StepRandom& random) {
  Field field(static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width));
  for (float& value : field) value = static_cast<float>(random.uniform(-1, 1));
  if (sigma_x > 0) blur_rows(&field, size, gaussian(sigma_x, taps));
  if (sigma_y > 0) blur_columns(&field, size, gaussian(sigma_y, taps));
  return field;
}

// Ends of the cells of one axis, in the input: they stay in order, and the last one may have to be the image's.
std::vector<double> stretched(int size, const GridOp& op, StepRandom& random) {
  std::vector<double> ends{0};
  for (int i = 0; i < op.steps; ++i) {
    ends.push_back(ends.back() + std::max(0.0, 1 + random.uniform(op.limit.low, op.limit.high)));
  }
  const double whole = !op.keeps_border ? op.steps : ends.back() > 0 ? ends.back() : 1;
  for (double& end : ends) end *= size / whole;
  if (op.keeps_border && ends.back() > 0) ends.back() = size;  // which the product misses by a rounding
  return ends;
}

// The places of `size` pixels' centres in those cells.
std::vector<float> places_in(const std::vector<double>& ends, int size) {
  const double cells = static_cast<double>(ends.size() - 1);
  std::vector<float> places;
  for (int i = 0; i < size; ++i) {
    const double at = (i + 0.5) / size * cells;
    const auto cell = static_cast<std::size_t>(std::min(at, cells - 1));
    places.push_back(static_cast<float>(ends[cell] + (at - static_cast<double>(cell)) * (ends[cell + 1] - ends[cell])));
  }
  return places;
}

float farthest(const std::vector<float>& places) {
  float most = 0;
  for (std::size_t i = 0; i < places.size(); ++i) most = std::max(most, std::abs(places[i] - static_cast<float>(i) - 0.5F));
  return most;
}

void measure(Mesh* mesh) {
  for (int y = 0; y < mesh->size.height; ++y) {
    for (int x = 0; x < mesh->size.width; ++x) {
      const Point place = mesh->at(x, y);
      const double far = std::max(std::abs(place.x - x - 0.5), std::abs(place.y - y - 0.5));
      mesh->most = std::max(mesh->most, static_cast<float>(far));
    }
  }
}

}  // namespace

std::shared_ptr<const Mesh> elastic_mesh(const ElasticOp& op, Size size, StepRandom& random) {
  const Field across = smooth_noise(size, op.sigma_x, op.sigma_y, taps_of(op.sigma_x), random);
  const Field down = smooth_noise(size, op.sigma_x, op.sigma_y, taps_of(op.sigma_y), random);
  // torchvision divides by the side, and counts the result in half sides.
  const auto far_x = static_cast<float>(op.alpha_x / 2), far_y = static_cast<float>(op.alpha_y / 2);
  auto mesh = std::make_shared<Mesh>();
  mesh->size = size;
  mesh->xy.resize(2 * across.size());
  float* xy = mesh->xy.data();
  for (std::size_t i = 0; i < across.size(); ++i) {
    const auto x = static_cast<float>(i % static_cast<std::size_t>(size.width)) + 0.5F;
    const auto y = static_cast<float>(i / static_cast<std::size_t>(size.width)) + 0.5F;
    xy[2 * i] = x + far_x * across[i];
    xy[2 * i + 1] = y + far_y * down[i];
  }
  measure(mesh.get());
  return mesh;
}

std::shared_ptr<const Mesh> grid_mesh(const GridOp& op, Size size, StepRandom& random) {
  auto mesh = std::make_shared<Mesh>();
  mesh->size = size;
  mesh->column_ends = stretched(size.width, op, random);
  mesh->row_ends = stretched(size.height, op, random);
  mesh->columns = places_in(mesh->column_ends, size.width);
  mesh->rows = places_in(mesh->row_ends, size.height);
  mesh->most = std::max(farthest(mesh->columns), farthest(mesh->rows));
  return mesh;
}

}  // namespace fastload
