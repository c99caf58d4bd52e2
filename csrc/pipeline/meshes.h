// Meshes: where the pixels of an elastic or gridded image come from.
#pragma once

#include <memory>

#include "pipeline/moves.h"
#include "pipeline/sample_stream.h"

namespace fastload {

std::shared_ptr<const Mesh> elastic_mesh(const ElasticOp& op, Size size, StepRandom& random);
std::shared_ptr<const Mesh> grid_mesh(const GridOp& op, Size size, StepRandom& random);

}  // namespace fastload
