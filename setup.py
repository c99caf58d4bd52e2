"""Builds ``fastload._core``, the C++ extension; everything else is in pyproject.toml.

FASTLOAD_SANITIZE=address,undefined builds it with those sanitizers (``make sanitize``).
FASTLOAD_BUILD_JOBS=1 compiles one file at a time (the default is one per core).
LIBJPEG_CFLAGS and LIBJPEG_LIBS: where libjpeg-turbo is, in place of what pkg-config says of libjpeg.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

SANITIZERS = os.environ.get("FASTLOAD_SANITIZE", "")
BINDINGS = sorted(Path("csrc/bindings").glob("*.cpp"))
SOURCES = sorted(
    str(path) for path in Path("csrc").glob("*/*.cpp") if path.parent.name not in {"bindings", "tests", "fuzz"}
)
INCLUDED = [*BINDINGS, *(path for kind in ("h", "inl") for path in sorted(Path("csrc").glob(f"*/*.{kind}")))]
DEPENDS = ["setup.py", *map(str, INCLUDED)]

# The directory that setuptools would choose, but for editable installs too, which otherwise compile everything
# anew each time in a directory that they throw away; the C++ tests link what is there.
VARIANT = [sysconfig.get_platform(), sys.implementation.cache_tag, *filter(None, SANITIZERS.split(","))]
OBJECTS = "build/temp." + "-".join(VARIANT)


def joined_bindings() -> list[str]:
    """Sources that include all bindings, those of images and the others: what compilers make of pybind11's headers
    takes ten seconds for each source, and little more for many files in one. What the files of one keep to themselves
    must have different names."""
    images = [path for path in BINDINGS if path.name.startswith("image_")]
    others = [path for path in BINDINGS if path not in images]
    return [joined("images", images), joined("others", others)]


def joined(name: str, files: list[Path]) -> str:
    """A source under build/ that includes those files, written anew only if they are others."""
    source = Path("build/bindings", f"{name}.cpp")
    text = "".join(f'#include "bindings/{path.name}"\n' for path in files)
    if not source.exists() or source.read_text() != text:
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
    return str(source)


def needs_recompile(object_file: str, source: str) -> bool:
    """Whether ``source``, a header that it includes or this file changed since ``object_file`` was written."""
    if not os.path.exists(object_file):
        return True
    built = os.path.getmtime(object_file)
    return any(os.path.getmtime(path) >= built for path in (source, "setup.py", *included_headers(object_file)))


def included_headers(object_file: str) -> list[str]:
    """Our headers that the compiler read, as it noted beside the object file; all of them if it did not."""
    notes = Path(object_file).with_suffix(".d")
    read = set(notes.read_text().split()) if notes.exists() else set(DEPENDS)
    return [header for header in DEPENDS if header in read]


INSTALL_LIBJPEG = """
fastload reads JPEG files with libjpeg-turbo (any version from 2.0 on): {problem}. To install it:
    Debian, Ubuntu:  apt-get install libjpeg62-turbo-dev pkg-config   (Ubuntu: libjpeg-turbo8-dev pkg-config)
    Fedora:          dnf install libjpeg-turbo-devel pkgconf-pkg-config
    macOS:           brew install jpeg-turbo pkg-config
                     export PKG_CONFIG_PATH="$(brew --prefix jpeg-turbo)/lib/pkgconfig"
Or set LIBJPEG_CFLAGS (-I...) and LIBJPEG_LIBS (-L... -ljpeg)."""

# Only libjpeg-turbo has these; others build as well, and would decode whole images for the smallest crop.
TURBO = """
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
void crop(j_decompress_ptr info, JDIMENSION* left, JDIMENSION* width) { jpeg_crop_scanline(info, left, width); }
"""


def libjpeg_flags(kind: str) -> list[str]:
    """What pkg-config, or the environment, says of libjpeg; ``kind`` is cflags or libs."""
    given = os.environ.get(f"LIBJPEG_{kind.upper()}")
    if given is not None:
        return shlex.split(given)
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), f"--{kind}", "libjpeg"]
    try:
        return shlex.split(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    except FileNotFoundError:
        problem = "there is no pkg-config here, which knows where it is"
    except subprocess.CalledProcessError as error:
        problem = error.stderr.strip().splitlines()[0] if error.stderr.strip() else "pkg-config does not know libjpeg"
    raise SystemExit(INSTALL_LIBJPEG.format(problem=problem))


def check_libjpeg(cflags: list[str]) -> None:
    """Ends the build if jpeglib.h is not libjpeg-turbo's."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "turbo.cpp")
        source.write_text(TURBO)
        command = [*compiler, *cflags, "-fsyntax-only", str(source)]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            raise SystemExit(INSTALL_LIBJPEG.format(problem="the jpeglib.h found here is not libjpeg-turbo's"))


def extension() -> Pybind11Extension:
    """fastload._core, from every source under csrc/ but its tests."""
    core = Pybind11Extension(
        "fastload._core", [*joined_bindings(), *SOURCES], depends=DEPENDS, include_dirs=["csrc"], cxx_std=20
    )
    # Nobody asks for the processor's flags of floating-point exceptions, which keep loops with choices from vectors.
    core.extra_compile_args += ["-O3", "-fno-trapping-math", "-Wall", "-Wextra", "-pthread", "-MMD"]
    core.extra_link_args += ["-pthread", "-ldl"]
    if SANITIZERS:
        core.extra_compile_args += ["-O1", "-g", "-fno-omit-frame-pointer"]
        core.extra_compile_args += [f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all"]
        core.extra_link_args += [f"-fsanitize={SANITIZERS}"]
    return core


class BuildWithLibjpeg(build_ext):
    """Looks for libjpeg-turbo when something is built, and not for a source distribution or the metadata."""

    def initialize_options(self) -> None:
        # Not among setup()'s options: an editable install starts its commands anew without those.
        super().initialize_options()
        self.build_temp = OBJECTS

    def build_extensions(self) -> None:
        cflags, libs = libjpeg_flags("cflags"), libjpeg_flags("libs")
        check_libjpeg(cflags)
        for extension in self.extensions:
            extension.extra_compile_args += cflags
            extension.extra_link_args += libs
        super().build_extensions()


ParallelCompile("FASTLOAD_BUILD_JOBS", default=0, needs_recompile=needs_recompile).install()
setup(
    ext_modules=[extension()],
    cmdclass={"build_ext": BuildWithLibjpeg},
)
