#!/usr/bin/env bash
# Builds, tests and measures what needs a GPU: make gpu, or PYTHON=python3 tools/gpu.sh
#
# PYTHON is an interpreter whose torch sees the GPU; nothing is installed. It has to have pybind11, setuptools, pytest,
# pytest-benchmark, pytest-timeout, hypothesis, Pillow, scikit-image and scikit-learn; torchvision for the rows of
# ResNet-50, timm for its loader beside them. compute-sanitizer is used where it is on the PATH.
# QUICK=1 measures two rounds of each.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD PYTHONDONTWRITEBYTECODE=1

"$python" - <<'CHECK'
import torch
assert torch.cuda.is_available(), f"torch {torch.__version__} sees no CUDA device here"
print(torch.__version__, torch.cuda.get_device_name())
CHECK

"$python" setup.py -q build_ext --inplace
"$python" -m pytest -q -p no:cacheprovider -rs tests/cuda

if command -v compute-sanitizer > /dev/null; then
    compute-sanitizer --error-exitcode 1 "$python" -m pytest -q -p no:cacheprovider tests/cuda/test_on_cuda.py \
        -k "whole or transform or layouts"
else
    echo "there is no compute-sanitizer here: not run"
fi

"$python" -m benchmarks gpu ${QUICK:+--quick} --results benchmarks/RESULTS-GPU.md
