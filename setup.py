"""Builds ``fastload._core``, the C++ extension; everything else is in pyproject.toml.

FASTLOAD_SANITIZE=address,undefined builds it with those sanitizers (``make sanitize``).
FASTLOAD_BUILD_JOBS=1 compiles one file at a time (the default is one per core).
"""

import os
import sys
import sysconfig
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

SANITIZERS = os.environ.get("FASTLOAD_SANITIZE", "")
SOURCES = sorted(str(path) for path in Path("csrc").glob("*/*.cpp") if path.parent.name != "tests")
DEPENDS = ["setup.py", *sorted(str(path) for path in Path("csrc").glob("*/*.h"))]

# The directory that setuptools would choose, but for editable installs too, which otherwise compile
# everything anew each time in a directory that they throw away.
VARIANT = [sysconfig.get_platform(), sys.implementation.cache_tag, *filter(None, SANITIZERS.split(","))]
OBJECTS = "build/temp." + "-".join(VARIANT)


def needs_recompile(object_file: str, source: str) -> bool:
    """Whether ``source``, any header or this file changed since ``object_file`` was written."""
    if not os.path.exists(object_file):
        return True
    built = os.path.getmtime(object_file)
    return any(os.path.getmtime(path) >= built for path in (source, *DEPENDS))


def extension() -> Pybind11Extension:
    """fastload._core, from every source under csrc/ but its tests."""
    core = Pybind11Extension("fastload._core", SOURCES, depends=DEPENDS, include_dirs=["csrc"], cxx_std=20)
    core.extra_compile_args += ["-O3", "-Wall", "-Wextra", "-pthread"]
    core.extra_link_args += ["-pthread"]
    if SANITIZERS:
        core.extra_compile_args += ["-O1", "-g", "-fno-omit-frame-pointer"]
        core.extra_compile_args += [f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all"]
        core.extra_link_args += [f"-fsanitize={SANITIZERS}"]
    return core


ParallelCompile("FASTLOAD_BUILD_JOBS", default=0, needs_recompile=needs_recompile).install()
setup(
    ext_modules=[extension()],
    cmdclass={"build_ext": build_ext},
    options={"build_ext": {"build_temp": OBJECTS}},
)
