"""Downloads from a real server on the loopback: files are whole and right, or not there at all."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.file_server import ARCHIVE, FileServer, in_folder, serve_cifar, serve_mnist, serving, tree
from support.vision_files import idx, mnist_arrays, mnist_files, write_files

from fastload.datasets import CIFAR10, MNIST, FashionMNIST, _download

tqdm = pytest.importorskip("tqdm")
pytest.importorskip("pooch")
tqdm.tqdm.get_lock()  # made once for all, it stays


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)  # its thread would stay
    with serving() as server:
        yield server


@pytest.fixture
def dead_url() -> Iterator[str]:
    """Of a port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def test_cifar_is_downloaded_and_unpacked_where_torchvision_has_it(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = serve_cifar(server, monkeypatch)
    dataset = CIFAR10(tmp_path / "new" / "root", download=True)
    assert len(dataset) == 30
    assert tree(tmp_path / "new" / "root") == {**in_folder(files), ARCHIVE: server.files[ARCHIVE]}
    assert len(CIFAR10(dataset.root, train=False)) == 6


@pytest.mark.parametrize("dataset", [MNIST, FashionMNIST])
def test_mnist_is_downloaded_and_unpacked_where_torchvision_has_it(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dataset: type
) -> None:
    serve_mnist(server, monkeypatch, dataset)
    assert len(dataset(tmp_path, download=True)) == 24
    assert tree(tmp_path / dataset.__name__ / "raw") == {**mnist_files(), **mnist_files(compressed=True)}


def test_what_is_there_is_not_downloaded_again(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch)
    serve_mnist(server, monkeypatch)
    for _ in range(2):
        CIFAR10(tmp_path, download=True)
        MNIST(tmp_path, train=False, download=True)
    assert set(server.requests.values()) == {1}
    assert len(server.requests) == 5


def test_an_archive_that_is_there_is_unpacked_again(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = serve_cifar(server, monkeypatch)
    CIFAR10(tmp_path, download=True)
    write_files(tmp_path / CIFAR10.base_folder, {"test_batch": b"damaged"})
    CIFAR10(tmp_path, download=True)
    assert tree(tmp_path / CIFAR10.base_folder) == files
    assert server.requests == {ARCHIVE: 1}


def test_a_damaged_archive_is_downloaded_again(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch)
    write_files(tmp_path, {ARCHIVE: server.files[ARCHIVE][:-3]})
    assert len(CIFAR10(tmp_path, download=True)) == 30
    assert (tmp_path / ARCHIVE).read_bytes() == server.files[ARCHIVE]


def test_a_complete_folder_needs_neither_pooch_nor_leave_to_write(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch)
    CIFAR10(tmp_path, download=True)
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setattr(os, "makedirs", None)
    assert len(CIFAR10(tmp_path, download=True)) == 30


@pytest.mark.parametrize("module", ["pooch", "tqdm"])
def test_without_what_downloads_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'download=True needs {module}: pip install "fastload\[datasets\]"'):
        MNIST(tmp_path, download=True)


def test_importing_the_datasets_imports_nothing_that_downloads() -> None:
    code = "import fastload.datasets, sys; assert not {'pooch', 'requests', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def failed_download(dataset: type, root: Path) -> str:
    """The error's text, of a download that leaves no file."""
    with pytest.raises(RuntimeError) as caught:
        dataset(root, download=True)
    assert tree(root) == {}
    return str(caught.value)


def test_another_md5_is_an_error_and_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch)
    monkeypatch.setattr(CIFAR10, "tgz_md5", "0" * 32)
    text = failed_download(CIFAR10, tmp_path)
    assert f"{tmp_path / ARCHIVE} could not be downloaded:\n  {CIFAR10.url}: " in text
    assert "does not match the known hash" in text


def test_a_server_without_the_file_is_an_error_and_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_mnist(server, monkeypatch)
    server.files.clear()
    assert "train-images-idx3-ubyte.gz: 404 Client Error" in failed_download(MNIST, tmp_path)


def test_a_connection_cut_midway_is_an_error_and_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch)
    server.cut.add(ARCHIVE)
    assert CIFAR10.url in failed_download(CIFAR10, tmp_path)
    server.cut.clear()
    assert len(CIFAR10(tmp_path, download=True)) == 30


def test_the_mirrors_are_tried_in_order(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dead_url: str
) -> None:
    serve_mnist(server, monkeypatch)
    name = MNIST.resources[0][0]
    server.files[f"wrong/{name}"] = b"something else"
    server.files[f"cut/{name}"] = server.files[name]
    server.cut.add(f"cut/{name}")
    urls = [dead_url, *(server.url + folder for folder in ("nothing/", "wrong/", "cut/", "", "never/"))]
    monkeypatch.setattr(MNIST, "mirrors", urls)
    assert len(MNIST(tmp_path, download=True)) == 24
    asked = [request for request in server.requests if request.endswith(name)]
    assert asked == [f"nothing/{name}", f"wrong/{name}", f"cut/{name}", name]


def test_if_no_mirror_has_it_the_error_tells_of_each(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dead_url: str
) -> None:
    serve_mnist(server, monkeypatch)
    monkeypatch.setattr(MNIST, "mirrors", [dead_url, server.url + "nothing/"])
    text = failed_download(MNIST, tmp_path)
    assert f"\n  {dead_url}train-images-idx3-ubyte.gz: " in text
    assert f"\n  {server.url}nothing/train-images-idx3-ubyte.gz: 404" in text


def test_an_interrupted_download_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch)
    monkeypatch.setattr("pooch.hashes.file_hash", interrupt)
    with pytest.raises(KeyboardInterrupt):
        CIFAR10(tmp_path, download=True)
    assert list(tmp_path.iterdir()) == []


def interrupt(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


def download_cifar(root: Path, with_locks: bool, answers: Any) -> None:
    """Answers with how many images there are, and whether they were unpacked here."""
    if not with_locks:
        _download.fcntl.flock = no_locks  # type: ignore[attr-defined]
    unpack, unpacked = _download.unpack_tar, []
    _download.unpack_tar = lambda *arguments: unpacked.append(unpack(*arguments))
    answers.put((len(CIFAR10(root, download=True)), len(unpacked)))


def no_locks(*arguments: Any) -> None:
    raise OSError("no locks available")


@pytest.mark.parametrize("with_locks", [True, False])
def test_processes_that_download_at_once_all_have_the_whole(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, with_locks: bool
) -> None:
    files = serve_cifar(server, monkeypatch)
    server.delay_s = 0.5
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    ranks = [context.Process(target=download_cifar, args=(tmp_path, with_locks, answers)) for _ in range(3)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join()
        assert rank.exitcode == 0
        rank.close()
    unpacked = [0, 0, 1] if with_locks else [1, 1, 1]
    assert sorted(answers.get() for _ in range(3)) == [(30, times) for times in unpacked]
    answers.close()
    assert server.requests == {ARCHIVE: 1 if with_locks else 3}
    assert tree(tmp_path) == {**in_folder(files), ARCHIVE: server.files[ARCHIVE]}
    assert list(tmp_path.glob(".*")) == []


def test_others_may_read_what_was_downloaded_if_they_may_read_the_folder(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_mnist(server, monkeypatch)
    for mode, umask in ((0o755, 0o022), (0o700, 0o077)):
        before = os.umask(umask)
        try:
            root = tmp_path / f"{mode:o}"
            MNIST(root, download=True)
        finally:
            os.umask(before)
        assert {path.stat().st_mode & 0o777 for path in root.rglob("*ubyte*")} == {mode & 0o666}


def test_without_an_md5_whatever_comes_is_taken(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_mnist(server, monkeypatch)
    monkeypatch.setattr(MNIST, "resources", [(name, None) for name, _ in MNIST.resources])
    name = "t10k-images-idx3-ubyte"
    server.files[f"{name}.gz"] = gzip.compress(idx(255 - mnist_arrays()[name]))
    dataset = MNIST(tmp_path, train=False, download=True)
    assert bool((dataset.data.numpy() == 255 - mnist_arrays()[name]).all())
