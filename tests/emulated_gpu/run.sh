#!/usr/bin/env bash
# run.sh COMMAND...: with pretended GPUs in the place of real ones; `make -C tests/emulated_gpu` comes first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libraries=$(cd "$here/../../build/emulated_gpu" && pwd)
export EMULATED_GPU_OPERATORS=$libraries/operators.so
export PYTHONPATH=$here:$here/../..${PYTHONPATH:+:$PYTHONPATH}
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
LD_PRELOAD=$libraries/libcudart.so.13 exec "$@"
