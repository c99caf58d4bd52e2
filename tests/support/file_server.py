"""A server of files on the loopback that may fail in every way, and what the datasets are to find there."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fastload.datasets import CIFAR10, MNIST
from support.vision_files import cifar10_files, md5_of, mnist_files, point_cifar_at

ARCHIVE = CIFAR10.filename


class FileServer(ThreadingHTTPServer):
    """Serves ``files`` by their names; counts the requests for each.

    cut: names whose content ends in the middle. delay_s: how long each answer takes.
    """

    daemon_threads = False  # so that closing it waits for them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.delay_s = 0.0
        self.requests: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.requests[name] += 1
        time.sleep(self.server.delay_s)
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name in self.server.cut else content)

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def tar_of(members: dict[str, Any]) -> bytes:
    """A .tar.gz of those members: content, or a TarInfo of something else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if info is not content:
                info.size = len(content)
            tar.addfile(info, None if info is content else io.BytesIO(content))
    return buffer.getvalue()


def in_folder(files: dict[str, bytes]) -> dict[str, Any]:
    return {f"cifar-10-batches-py/{name}": content for name, content in files.items()}


def serve_cifar(server: FileServer, monkeypatch: pytest.MonkeyPatch, archive: bytes | None = None) -> dict[str, bytes]:
    """Has CIFAR10 find a small archive at the server; the files that it should hold."""
    files = cifar10_files()
    server.files[ARCHIVE] = (
        tar_of({"cifar-10-batches-py/readme.html": b"hi", **in_folder(files)}) if archive is None else archive
    )
    point_cifar_at(monkeypatch, CIFAR10, files)
    monkeypatch.setattr(CIFAR10, "url", server.url + ARCHIVE)
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5_of(server.files[ARCHIVE]))
    return files


def serve_mnist(server: FileServer, monkeypatch: pytest.MonkeyPatch, dataset: type = MNIST) -> None:
    files = mnist_files(compressed=True)
    server.files.update(files)
    monkeypatch.setattr(dataset, "resources", [(name, md5_of(content)) for name, content in files.items()])
    monkeypatch.setattr(dataset, "mirrors", [server.url])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
