"""Downloaded archives: nothing comes out of them but the plain files that belong in them, and no part of these."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.file_server import ARCHIVE, FileServer, in_folder, serve_cifar, serve_mnist, serving, tar_of, tree
from support.vision_files import cifar10_files, md5_of

from fastload.datasets import CIFAR10, MNIST

tqdm = pytest.importorskip("tqdm")
pytest.importorskip("pooch")
tqdm.tqdm.get_lock()  # made once for all, it stays


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)  # its thread would stay
    with serving() as server:
        yield server


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def unpacked(archive: bytes, server: FileServer, monkeypatch: pytest.MonkeyPatch, root: Path) -> dict[str, bytes]:
    """What lies in ``root`` and beside it, but for the archive, after CIFAR10 was to be downloaded."""
    serve_cifar(server, monkeypatch, archive)
    with pytest.raises(RuntimeError, match=rf"{ARCHIVE} is damaged: .*Delete it, and download=True downloads it again"):
        CIFAR10(root, download=True)
    return {name: content for name, content in tree(root.parent).items() if not name.endswith(ARCHIVE)}


FILES = in_folder(cifar10_files())
TEST_BATCH = "cifar-10-batches-py/test_batch"
WITHOUT_TEST = {name: content for name, content in FILES.items() if name != TEST_BATCH}
BAD_TARS: dict[str, dict[str, Any]] = {
    "a file beside the root in its place": {**WITHOUT_TEST, "../test_batch": FILES[TEST_BATCH]},
    "a symlink in its place": {**WITHOUT_TEST, TEST_BATCH: link(TEST_BATCH, "/etc/passwd", tarfile.SYMTYPE)},
    "a link to another": {
        **WITHOUT_TEST,
        TEST_BATCH: link(TEST_BATCH, "cifar-10-batches-py/data_batch_1", tarfile.LNKTYPE),
    },
    "a folder in its place": {**WITHOUT_TEST, TEST_BATCH: link(TEST_BATCH, "", tarfile.DIRTYPE)},
    "a device in its place": {**WITHOUT_TEST, TEST_BATCH: link(TEST_BATCH, "", tarfile.CHRTYPE)},
    "a file too few": WITHOUT_TEST,
}


@pytest.mark.parametrize("what", BAD_TARS)
def test_an_archive_without_the_plain_files_that_belong_in_it_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    assert unpacked(tar_of(BAD_TARS[what]), server, monkeypatch, tmp_path / "root") == {}


@pytest.mark.parametrize("part", [0, 10, 0.3, 0.9])
def test_an_archive_cut_short_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: float
) -> None:
    whole = tar_of(FILES)
    cut = whole[: part if isinstance(part, int) else int(len(whole) * part)]
    assert unpacked(cut, server, monkeypatch, tmp_path / "root") == {}


def test_members_that_do_not_belong_are_left_in_the_archive(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    others = {
        "../evil": b"evil",
        str(tmp_path / "absolute"): b"evil",
        "cifar-10-batches-py/../../evil": b"evil",
        "cifar-10-batches-py": link("cifar-10-batches-py", str(tmp_path), tarfile.SYMTYPE),
        "test_batch": b"evil",
    }
    files = serve_cifar(server, monkeypatch, tar_of({**others, **FILES}))
    CIFAR10(tmp_path / "root", download=True)
    assert tree(tmp_path) == {
        f"root/{name}": content for name, content in {**in_folder(files), ARCHIVE: server.files[ARCHIVE]}.items()
    }
    assert not (tmp_path / "root" / CIFAR10.base_folder).is_symlink()


def test_a_member_of_another_md5_leaves_nothing(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_cifar(server, monkeypatch, tar_of({**FILES, TEST_BATCH: b"something else"}))
    with pytest.raises(RuntimeError, match=rf"test_batch in .*{ARCHIVE} is not the one that is wanted: its md5 is"):
        CIFAR10(tmp_path, download=True)
    assert list(tree(tmp_path)) == [ARCHIVE]


def test_a_damaged_gzip_file_leaves_nothing_unpacked(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_mnist(server, monkeypatch)
    name = "train-images-idx3-ubyte.gz"
    server.files[name] = server.files[name][:-20]
    monkeypatch.setattr(MNIST, "resources", [(name, md5_of(server.files[name]))])
    with pytest.raises(RuntimeError, match=rf"{name} is damaged: .*Delete it, and download=True downloads it again"):
        MNIST(tmp_path, download=True)
    assert list(tree(tmp_path)) == [f"MNIST/raw/{name}"]
