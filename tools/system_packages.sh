#!/usr/bin/env bash
# Leaves the machine with what a build needs: Python >= 3.10 with venv and its headers, a C++ compiler, libjpeg-turbo
# and pkg-config, which finds it. Packages that are given by name after PYTHON are wanted too (those of make fuzz, say).
# Installs from the distribution only what is missing; on systems without apt-get it says what that is.
#
#   tools/system_packages.sh PYTHON [PACKAGE...]
set -euo pipefail
python=${1:-python3}

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

missing=()
command -v "${CXX:-g++}" >/dev/null || missing+=(g++)
command -v pkg-config >/dev/null || missing+=(pkg-config)
if ! pkg-config --exists libjpeg 2>/dev/null; then
    # Debian calls it libjpeg62-turbo-dev, Ubuntu libjpeg-turbo8-dev; both have a package of this name that brings it.
    missing+=(libjpeg-dev)
fi
for package in "${@:2}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if ! command -v "$python" >/dev/null; then
    [ "$python" = python3 ] || fail "there is no '$python' here; pass PYTHON=/path/to/python3"
    missing+=(python3 python3-dev python3-venv)
else
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "Python 3.10 or later is needed, '$python' is $version; pass PYTHON=/path/to/python3"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("python$version-venv")
    "$python" -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("include"), "Python.h")).close()' \
        2>/dev/null || missing+=("python$version-dev")
fi
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null ||
    fail "install these with your system's package manager, then run make again: ${missing[*]}" \
         "(on macOS: xcode-select --install, a Python from python.org or Homebrew, brew install jpeg-turbo pkg-config;" \
         "on Fedora libjpeg-dev is libjpeg-turbo-devel)"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "as root: apt-get install ${missing[*]}"
    as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "this system's Python is older than 3.10; pass PYTHON=/path/to/python3"
