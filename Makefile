# Everything starts here; `make train` and `make test` do all the set-up by themselves.
#
#   make train      train a small network on JPEG files, with torch's loader and with fastload's
#   make train-ddp  train on RANKS=2 processes with checkpoints; stopped at any time, it goes on where it was
#   make test       lint, types, C++ unit tests, past findings of the fuzzers, Python tests
#   make test-integrations   the same batches inside Lightning, accelerate, transformers, Ray Train and datasets
#   make test-augmentations  imgaug, Albumentations and torchvision in a chain of fastload's transforms
#   make bench      measure, print the table, write benchmarks/RESULTS.md
#   make lint       ruff and mypy alone
#   make sanitize   the native code under address, undefined-behaviour and thread sanitizers; leaks
#   make fuzz       JPEG files and image programs that libFuzzer makes up, each for FUZZ_SECONDS=60 (installs clang if need be)
#   make gpu        build, test and measure delivery to a CUDA device, with the torch of PYTHON; see tools/gpu.sh
#   make test-emulated-gpu   delivery to CUDA, by torch's CUDA build on pretended GPUs; see tests/emulated_gpu/README.md
#   make test-pillow-simd   the tests of fastload.io with Pillow-SIMD in Pillow's place
#   make build      the virtual environment and the extension
#   make gallery    docs/gallery.md and its pictures, of every transform
#   make train-detection  train a small detector on photographs with pasted objects
#   make wheel      a wheel in dist/
#   make clean      remove what was built (make distclean: the environment and the data too)
#
# PYTHON=python3.12   the interpreter that .venv is made from
# JOBS=4              pytest processes (0: all tests in one process); two for each processor, as many tests wait
# FUZZ_SECONDS=60     how long each fuzzer runs
# RANKS=4             processes of train-ddp
# TRAIN_ARGS= PYTEST_ARGS= BENCH_ARGS=   more arguments for train and train-ddp, pytest, the benchmarks

PYTHON ?= python3
TRAIN_ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=

NATIVE_JOBS := $(shell nproc 2>/dev/null || echo 2)
JOBS ?= $(shell expr 2 '*' $(NATIVE_JOBS))
# Where each process imports all of the other libraries first, one for each processor, if JOBS is not given.
FEW_JOBS := $(if $(filter file,$(origin JOBS)),$(NATIVE_JOBS),$(JOBS))
FUZZ_SECONDS ?= 60
RANKS ?= 2

# Tests start hundreds of interpreters, and each pytest process would compile all tests for itself.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/done
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The other libraries and what else they need, 760 MB, in an environment that sees the packages of .venv.
INTEGRATIONS := .venv-integrations
INTEGRATIONS_PIP := $(INTEGRATIONS)/bin/python -m pip --disable-pip-version-check

# Other augmentation libraries, 400 MB, in an environment that sees the packages of .venv, and adds its own.
AUGMENTATIONS := .venv-augmentations

# torch for CUDA, 5.5 GB, in an environment that sees the other packages of .venv.
EMULATED_GPU := .venv-emulated-gpu

# Pillow-SIMD in an environment of its own, which takes everything else from .venv.
PILLOW_SIMD := .venv-pillow-simd
SITE := import sysconfig; print(sysconfig.get_path("purelib"))

# The folder of the extension's object files, as setup.py calls it.
VARIANT := import sys, sysconfig; print(sysconfig.get_platform() + "-" + sys.implementation.cache_tag)

# What benchmarks compare with and nothing else needs, 1 GB: it sees the packages of .venv, and adds its own.
PEERS := .venv-peers
PEERS_PIP := $(PEERS)/bin/python -m pip --disable-pip-version-check

# A stamp is written only after its whole recipe succeeded, so whatever was interrupted is done again.
SOURCES := setup.py pyproject.toml $(wildcard csrc/*/*.cpp csrc/*/*.h csrc/*/*.inl)
EXTENSION := $(wildcard fastload/_core*.so)

.PHONY: train train-ddp test compiled-tests environments test-integrations test-augmentations test-emulated-gpu test-pillow-simd bench lint sanitize fuzz gpu gallery train-detection build wheel clean distclean FORCE
.DELETE_ON_ERROR:

train: build
	$(BIN)/python examples/train.py $(TRAIN_ARGS)

train-ddp: build
	mkdir -p data
	OMP_NUM_THREADS=1 $(BIN)/python -m torch.distributed.run --standalone --nproc-per-node $(RANKS) \
	    examples/train_ddp.py --checkpoint data/ddp.pt --resume $(TRAIN_ARGS)

# cjpeg writes the kinds of JPEG files that Pillow does not: without it the tests of those are skipped.
test: build
	$(MAKE) -j$(NATIVE_JOBS) lint compiled-tests
	command -v cjpeg >/dev/null || ! command -v apt-get >/dev/null || tools/system_packages.sh $(PYTHON) libjpeg-turbo-progs
	$(MAKE) -j$(NATIVE_JOBS) -C csrc/tests test \
	    OBJECTS_AT=$(CURDIR)/build/temp.$$($(BIN)/python -c '$(VARIANT)')/csrc
	$(MAKE) -j$(NATIVE_JOBS) -C csrc/fuzz replay
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

# Once, beside mypy: else each of pytest's processes compiles all tests at the same time. What is wrong there comes again.
compiled-tests: build
	-$(BIN)/python -m pytest -q --collect-only >/dev/null

# What the next two targets need: by make -j side by side.
environments: $(INTEGRATIONS)/done $(AUGMENTATIONS)/done

# Plain pytest ignores this folder: it has a configuration of its own.
test-integrations: build $(INTEGRATIONS)/done
	PYTHONPATH=$(CURDIR) $(INTEGRATIONS)/bin/python -m pytest -n $(FEW_JOBS) \
	    --dist loadfile $(PYTEST_ARGS) tests/ecosystem

test-augmentations: build $(AUGMENTATIONS)/done
	PYTHONPATH=$(CURDIR) $(AUGMENTATIONS)/bin/python -m pytest -n $(JOBS) $(PYTEST_ARGS) tests/augmentations

test-emulated-gpu: build $(EMULATED_GPU)/done
	$(MAKE) -j$(NATIVE_JOBS) -C tests/emulated_gpu PYTHON=$(CURDIR)/$(EMULATED_GPU)/bin/python
	for order in random late early; do \
	    EMULATED_GPU_ORDER=$$order tests/emulated_gpu/run.sh $(EMULATED_GPU)/bin/python -m pytest -p emulated_gpu \
	        $(PYTEST_ARGS) tests/cuda/test_on_cuda*.py tests/conformance/test_pinning.py || exit 1; \
	done

test-pillow-simd: build $(PILLOW_SIMD)/done
	$(PILLOW_SIMD)/bin/python -c 'import PIL; print("Pillow-SIMD", PIL.__version__); assert "post" in PIL.__version__'
	PYTHONPATH=$(CURDIR) $(PILLOW_SIMD)/bin/python -m pytest $(PYTEST_ARGS) tests/unit/test_io_*.py tests/stress/test_bad_images.py

bench: build $(PEERS)/done $(AUGMENTATIONS)/done
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

sanitize: build
	PYTHON=$(CURDIR)/$(BIN)/python tools/sanitize.sh

# System packages that nothing else needs are installed when they are asked for.
fuzz: build
	tools/system_packages.sh $(PYTHON) clang libclang-rt-14-dev
	$(MAKE) -C csrc/fuzz fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) PYTHON=$(CURDIR)/$(BIN)/python

gpu:
	PYTHON=$(PYTHON) tools/gpu.sh

gallery: build
	PYTHONPATH=$(CURDIR) $(BIN)/python tools/gallery.py

train-detection: build
	$(BIN)/python examples/train_detection.py $(TRAIN_ARGS)

build: $(DONE)/extension

wheel: $(DONE)/requirements
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

$(DONE)/venv:
	tools/system_packages.sh $(PYTHON)
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	mkdir $(DONE)
	touch $@

# torch comes first and by itself: see constraints.txt.
$(DONE)/requirements: $(DONE)/venv constraints.txt
	$(PIP) install -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(PIP) install -r constraints.txt
	touch $@

$(INTEGRATIONS)/done: $(DONE)/requirements constraints-integrations.txt
	rm -rf $(INTEGRATIONS)
	$(BIN)/python -m venv $(INTEGRATIONS)
	$(BIN)/python -c '$(SITE)' > "$$($(INTEGRATIONS)/bin/python -c '$(SITE)')/rest.pth"
	$(INTEGRATIONS_PIP) install -c constraints.txt -r constraints-integrations.txt
	touch $@

$(AUGMENTATIONS)/done: $(DONE)/requirements constraints-augmentations.txt
	rm -rf $(AUGMENTATIONS)
	$(BIN)/python -m venv $(AUGMENTATIONS)
	$(BIN)/python -c '$(SITE)' > "$$($(AUGMENTATIONS)/bin/python -c '$(SITE)')/rest.pth"
	$(AUGMENTATIONS)/bin/python -m pip --disable-pip-version-check install --no-deps -r constraints-augmentations.txt
	touch $@

$(EMULATED_GPU)/done: $(DONE)/requirements constraints-emulated-gpu.txt
	rm -rf $(EMULATED_GPU)
	$(BIN)/python -m venv $(EMULATED_GPU)
	$(EMULATED_GPU)/bin/python -m pip --disable-pip-version-check install -r constraints-emulated-gpu.txt
	$(BIN)/python -c '$(SITE)' > "$$($(EMULATED_GPU)/bin/python -c '$(SITE)')/rest.pth"
	touch $@

$(PILLOW_SIMD)/done: $(DONE)/requirements
	tools/system_packages.sh $(PYTHON) zlib1g-dev
	rm -rf $(PILLOW_SIMD)
	$(BIN)/python -m venv $(PILLOW_SIMD)
	CC="cc -mavx2" $(PILLOW_SIMD)/bin/python -m pip --disable-pip-version-check install --no-binary :all: pillow-simd
	$(BIN)/python -c '$(SITE)' > "$$($(PILLOW_SIMD)/bin/python -c '$(SITE)')/rest.pth"
	touch $@

$(PEERS)/done: $(DONE)/requirements constraints-peers.txt
	rm -rf $(PEERS)
	$(BIN)/python -m venv $(PEERS)
	$(BIN)/python -c '$(SITE)' > "$$($(PEERS)/bin/python -c '$(SITE)')/rest.pth"
	$(PEERS_PIP) install -c constraints.txt -r constraints-peers.txt
	touch $@

# build/unfinished outlives a build that was killed: its object files may be cut short.
$(DONE)/extension: $(DONE)/requirements $(SOURCES) $(if $(EXTENSION),,FORCE)
	test ! -e build/unfinished || rm -rf build
	mkdir -p build && touch build/unfinished
	$(PIP) install -q --no-deps --no-build-isolation -e . || { rm build/unfinished; exit 1; }
	rm build/unfinished
	touch $@

clean:
	rm -rf build dist *.egg-info fastload/_core*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	rm -f $(DONE)/extension
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(INTEGRATIONS) $(AUGMENTATIONS) $(EMULATED_GPU) $(PILLOW_SIMD) $(PEERS) data
