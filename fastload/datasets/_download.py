"""Files from the network, checked by md5: whole and right, or not there at all.

Processes that want the same file at once, such as the ranks of one job, take turns by a lock on its folder: the first
downloads, the others find it done. Nothing depends on the lock, as not every file system has any: a file is made in a
folder of its maker's own, and then renamed into place, so that nobody ever sees half of it.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import importlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import IO, Any

_READ_BYTES = 1 << 20
# What the readers of archives raise for content that is wrong. Other errors, such as a full disk, are no damage.
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


def fault_of(path: str, md5: str | None) -> str | None:
    """What is wrong with the file, in words; None if it is there and has that md5. md5: None for any content."""
    if not os.path.isfile(path):
        return "there is no such file"
    if md5 is None:
        return None
    found = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_READ_BYTES):
            found.update(block)
    return None if found.hexdigest() == md5 else f"its md5 is {found.hexdigest()}, that of the original is {md5}"


@contextmanager
def one_at_a_time(folder: str) -> Iterator[None]:
    """Within it, no other process that asks for this works on ``folder``, which is made if it is missing."""
    os.makedirs(folder, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # no locks on this file system
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):  # a process forked meanwhile holds the same lock, and closing it here is not enough
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def fetch(urls: Sequence[str], path: str, md5: str | None) -> None:
    """Leaves the file of that md5 at ``path``: the one that is there, or from the first of ``urls`` that has it.

    Raises RuntimeError with what became of each url if none has it, ImportError if what downloads is not installed.
    """
    if fault_of(path, md5) is None:
        return
    _required("tqdm")  # by pooch, for its progress bar
    errors = []
    for url in urls:
        error = _download(_required("pooch"), url, path, md5)
        if error is None:
            return
        errors.append(f"\n  {url}: {error}")
    raise RuntimeError(f"{path} could not be downloaded:{''.join(errors)}")


def _download(pooch: Any, url: str, path: str, md5: str | None) -> str | None:
    """None if the file is at ``path`` now, else why it is not, in words."""
    folder, name = os.path.split(path)
    try:
        with _scratch(folder) as scratch:
            file = pooch.retrieve(url, None if md5 is None else f"md5:{md5}", name, scratch, progressbar=True)
            os.chmod(file, os.stat(folder).st_mode & 0o666)  # pooch's are for their owner alone
            os.replace(file, path)
    except (OSError, ValueError) as error:  # those of requests are OSErrors; ValueError: the md5 is another
        return str(error)  # it holds the connection, and is not kept for that
    return None


def unpack_tar(archive: str, members: Mapping[str, str | None], folder: str) -> None:
    """Leaves the ``members`` (their names in the archive, and md5s) in ``folder``, under the last part of their names.

    No other member is read, and no path is made of a name in the archive.

    Raises RuntimeError if one is missing, or is not what it should be; then none is in ``folder``.
    """
    left = dict(members)
    with _scratch(folder) as scratch:
        with _naming(archive), tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if member.name in left:
                    content = tar.extractfile(member) if member.isreg() else None
                    if content is None:
                        raise tarfile.ReadError(f"{member.name} in it is no plain file")
                    with content:
                        _copy(content, os.path.join(scratch, os.path.basename(member.name)))
                    del left[member.name]
            if left:
                raise tarfile.ReadError(f"it has no {', '.join(left)}")
        names = [os.path.basename(name) for name in members]
        for name, md5 in zip(names, members.values(), strict=True):
            fault = fault_of(os.path.join(scratch, name), md5)
            if fault is not None:
                raise RuntimeError(f"{name} in {archive} is not the one that is wanted: {fault}")
        for name in names:
            os.replace(os.path.join(scratch, name), os.path.join(folder, name))


def unpack_gzip(archive: str, path: str) -> None:
    """Leaves what is in the archive at ``path``. Raises RuntimeError if it is damaged."""
    with _scratch(os.path.dirname(path)) as scratch:
        file = os.path.join(scratch, os.path.basename(path))
        with _naming(archive), gzip.open(archive) as content:
            _copy(content, file)
        os.replace(file, path)


def damaged(path: str, fault: str) -> RuntimeError:
    """What to raise for a file whose content is wrong."""
    return RuntimeError(f"{path} is damaged: {fault}. Delete it, and download=True downloads it again")


@contextmanager
def _naming(path: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise damaged(path, str(error)) from error


def _copy(content: IO[bytes] | gzip.GzipFile, path: str) -> None:
    with open(path, "xb") as file:
        shutil.copyfileobj(content, file, _READ_BYTES)


def _scratch(folder: str) -> tempfile.TemporaryDirectory[str]:
    """A new folder in that one, on the same file system: renaming out of it is atomic."""
    os.makedirs(folder, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".partial-", dir=folder)


def _required(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'download=True needs {module}: pip install "fastload[datasets]"') from error
