#!/usr/bin/env bash
# Builds, tests and measures what needs a GPU: make gpu, or PYTHON=python3 tools/gpu.sh
#
# Nothing is installed. Needed on the machine: a compiler of C++20, pkg-config and the headers of libjpeg-turbo (see
# setup.py). PYTHON is an interpreter with its own headers, whose torch sees the GPU, and which has what NEEDS lists;
# torchvision for the rows of ResNet-50, timm for its loader beside them. compute-sanitizer is used where it is on the
# PATH. QUICK=1 measures two rounds of each.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD PYTHONDONTWRITEBYTECODE=1

"$python" - <<'CHECK'
import importlib.util
import sys

NEEDS = ("torch", "numpy", "pybind11", "setuptools", "pytest", "pytest_benchmark", "pytest_timeout", "hypothesis", "PIL",
         "skimage", "sklearn")
missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
if missing:
    sys.exit(f"{sys.executable} has no {', '.join(missing)}; PYTHON=... make gpu takes another interpreter")

import torch

if not torch.cuda.is_available():
    sys.exit(f"torch {torch.__version__} of {sys.executable} sees no CUDA device here")
print(sys.executable, torch.__version__, torch.cuda.get_device_name())
CHECK

"$python" setup.py -q build_ext --inplace
"$python" -m pytest -q -p no:cacheprovider -rs tests/cuda tests/conformance/test_pinning.py

# Each allocation by itself, so that reading what was given back is seen. Everything is many times slower there.
if command -v compute-sanitizer > /dev/null; then
    PYTORCH_NO_CUDA_MEMORY_CACHING=1 FASTLOAD_TEST_TIMEOUT_S=3600 compute-sanitizer --error-exitcode 1 \
        "$python" -m pytest -q -p no:cacheprovider tests/cuda/test_on_cuda*.py -k "whole or transform or layouts or locked"
else
    echo "there is no compute-sanitizer here: not run"
fi

"$python" -m benchmarks gpu ${QUICK:+--quick} --results benchmarks/RESULTS-GPU.md
