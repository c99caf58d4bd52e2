#!/usr/bin/env bash
# The native code under sanitizers, in a copy of the tree, so that the extension in use is left alone.
#
#   1. C++ unit tests: address + undefined behaviour (and leaks), then threads
#   2. the extension's tests in Python: address + undefined behaviour
#   3. tools/leak_check.py: every collate, gather, image and slot path many times over, allocated bytes counted
#
# The first and the last are given faults beforehand, which they have to report.
# PYTHON: an interpreter with the development requirements. The first finding ends it with its report.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "${PYTHON:-.venv/bin/python}")
tests=(tests/native tests/unit/test_{default_collate,pad_collate,gather,array,message,read_ahead,samplers_weighted,io,transforms,detection}*.py)
tree=build/sanitize

say() { printf '\n== %s\n' "$*"; }

copied=(csrc fastload tests tools examples setup.py pyproject.toml README.md LICENSE Makefile)
mkdir -p "$tree"
(cd "$tree" && rm -rf "${copied[@]}")
cp -a "${copied[@]}" "$tree"
cd "$tree"
rm -f fastload/_core*.so

say "C++ unit tests: address, undefined behaviour, leaks"
# The children that some tests fork lack their parent's threads, and the leak check at exit wants them.
make -s -C csrc/tests build faults FASTLOAD_SANITIZE=address,undefined FAULTS="address leak undefined"
for source in csrc/tests/*_test.cpp; do
    leaks=1
    name=$(basename "$source" .cpp)
    [[ $name != @(thread_pool|background)_test ]] || leaks=0
    echo "$name (leaks: $leaks)"
    ASAN_OPTIONS=detect_leaks=$leaks "build/tests-address-undefined/$name"
done
say "C++ unit tests: threads"
# Without randomised addresses: older thread sanitizers do not start where they are spread widely.
setarch "$(uname -m)" -R make -s -C csrc/tests faults test FASTLOAD_SANITIZE=thread FAULTS=race

say "building the extension with address and undefined-behaviour sanitizers"
export FASTLOAD_SANITIZE=address,undefined
"$python" setup.py -q build_ext --inplace

# Python itself is not instrumented: the runtimes come first by LD_PRELOAD, libstdc++ with them so that they
# see C++ exceptions, and leaks are counted below instead of at exit, where Python leaves memory behind.
compiler=${CXX:-g++}
preload=()
for library in libasan.so libubsan.so libstdc++.so.6; do
    preload+=("$("$compiler" -print-file-name="$library")")
done
run() {
    env LD_PRELOAD="${preload[*]}" PYTHONPATH="$PWD" PYTHONMALLOC=malloc \
        ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:allocator_may_return_null=1 \
        UBSAN_OPTIONS=print_stacktrace=1 "$python" "$@"
}

say "Python tests of the extension"
run -c 'import fastload._core as core; print(core.__file__); assert "sanitize" in core.__file__'
run -m pytest -q -p no:cacheprovider -rs "${tests[@]}"

say "leaks"
run tools/leak_check.py --plant
run tools/leak_check.py
say "no finding"
