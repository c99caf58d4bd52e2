"""COCO's files as they are found: read as the standard library and COCO's own tools read them, and kept small."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import pickle
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.detection_files import SIZES, boxes_of, changed_coco, coco

from fastload.datasets import CocoDetection


def entries_of(content: Any, image_id: Any) -> list[Any]:
    return [entry for entry in content["annotations"] if entry["image_id"] == image_id]


def assert_read_as_the_standard_library_does(root: Path, raw: bytes) -> None:
    (root / "a.json").write_bytes(raw)
    content = json.loads(raw)
    data = CocoDetection(root, root / "a.json")
    assert repr(data.ids) == repr(sorted(image["id"] for image in content["images"]))
    for number, image_id in enumerate(data.ids):
        assert repr(data.target(number)) == repr(entries_of(content, image_id))  # as a text, since NaN is not NaN


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "-0.0",
        "1e5",
        "NaN",
        "-Infinity",
        "1e400",
        '"\\ud800"',
        '"ö"',
        "[true, null]",
        "18446744073709551615",
        "1" * 40,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_values_are_those_of_the_standard_library(tmp_path: Path, value: str, encoding: str) -> None:
    text = (
        '{"images": [{"id": 7, "file_name": "a"}, {"id": 3, "file_name": "b"}], "annotations": '
        '[{"image_id": 7, "more": ' + value + '}, {"image_id": 3, "bbox": [1, 2.5, 3, 0.1]}]}'
    )
    assert_read_as_the_standard_library_does(tmp_path, text.encode(encoding))


@pytest.mark.parametrize("first", [2**64, 10**30, 2.0])
def test_ids_of_any_length_are_ids(tmp_path: Path, first: float) -> None:
    images = [{"id": first + number, "file_name": "a"} for number in range(3)]
    annotations = [{"image_id": first + number, "id": number} for number in (2, 0, 2)]
    raw = json.dumps({"images": images, "annotations": annotations}).encode()
    assert_read_as_the_standard_library_does(tmp_path, raw)


def test_files_are_read_without_msgspec(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    program = (
        "import pickle, sys; sys.modules['msgspec'] = None\n"
        "from fastload.datasets import CocoDetection; data = CocoDetection(*sys.argv[1:])\n"
        "sys.stdout.buffer.write(pickle.dumps([data.target(number) for number in range(len(data))]))"
    )
    command = [sys.executable, "-c", program, str(images), str(file)]
    ran = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    data = CocoDetection(images, file)
    assert pickle.loads(ran.stdout) == [data.target(number) for number in range(len(data))]


KEYS = st.text() | st.sampled_from(["image_id", "\ud800", "\\", "\x7f"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=4), st.booleans(), st.sampled_from([None, 1]))
def test_annotations_of_any_content_are_those_of_the_standard_library(
    contents: list[Any], escaped: bool, indent: int | None
) -> None:
    annotations = [{**content, "image_id": 7} for content in contents]
    content = {"images": [{"id": 7, "file_name": "a"}], "annotations": annotations}
    with tempfile.TemporaryDirectory() as root:
        text = json.dumps(content, ensure_ascii=escaped, indent=indent)
        assert_read_as_the_standard_library_does(Path(root), text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "text",
    [
        b'{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "more": "\xff"}]}',
        b'{"images": [], "info": {"\xff": 1}}',
        b'{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "more": [1,]}]}',
        b'{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "more": 01}]}',
        b'{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1}]',
        b'{"images": [], "annotations": []} {}',
    ],
)
def test_a_fault_anywhere_in_the_file_is_found_as_it_is_opened(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(ValueError, match=r"a\.json is not JSON: "):
        CocoDetection(tmp_path, tmp_path / "a.json")


@pytest.mark.parametrize(("name", "place"), [("more", "image 1"), ("image_id", r"annotations\[0\]")])
def test_a_number_too_long_for_python_is_placed(tmp_path: Path, name: str, place: str) -> None:
    annotation = '{"image_id": 1, "' + name + '": ' + "1" * 5000 + "}"
    text = '{"images": [{"id": 1, "file_name": "a"}], "annotations": [' + annotation + "]}"
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.json: {place} cannot be read: .*4300"):
        CocoDetection(tmp_path, tmp_path / "a.json").target(0)


@contextlib.contextmanager
def collections() -> Iterator[list[Any]]:
    """Those that begin inside."""
    begun: list[Any] = []

    def note(phase: str, _: Any) -> None:
        if phase == "start":
            begun.append(phase)

    gc.callbacks.append(note)
    try:
        yield begun
    finally:
        gc.callbacks.remove(note)


def many(root: Path) -> Path:
    file = root / "many.json"
    annotations = [{"image_id": 1, "bbox": [1.5] * 4, "segmentation": [[2.5] * 6]} for _ in range(20_000)]
    file.write_text(json.dumps({"images": [{"id": 1, "file_name": "a"}], "annotations": annotations}))
    return file


def test_the_collector_does_not_go_through_a_file_as_it_is_read(tmp_path: Path) -> None:
    file = many(tmp_path)
    with collections() as begun:
        json.loads(file.read_bytes())
    assert len(begun) > 20
    with collections() as begun:
        CocoDetection(tmp_path, file)
    assert len(begun) < 5


def test_annotations_take_little_more_memory_than_their_file_as_it_is_read(tmp_path: Path) -> None:
    """The values that they are would take several times as much."""
    polygon = [number + 0.25 for number in range(200)]
    annotations = [{"image_id": number % 100, "segmentation": [polygon]} for number in range(2000)]
    images = [{"id": number, "file_name": "a"} for number in range(100)]
    text = json.dumps({"images": images, "annotations": annotations})
    (tmp_path / "a.json").write_text(text)
    tracemalloc.start()
    try:
        CocoDetection(tmp_path, tmp_path / "a.json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(text)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("text", ['{"images": []}', "{"])
def test_the_collector_is_left_as_it_was(tmp_path: Path, enabled: bool, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with contextlib.suppress(ValueError):
            CocoDetection(tmp_path, tmp_path / "a.json")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_a_list_of_images_without_annotations_is_a_data_set_without_objects(tmp_path: Path) -> None:
    """As COCO's image_info_test files are."""
    coco_tools = pytest.importorskip("pycocotools.coco")
    images, file = changed_coco(tmp_path, lambda content: content.pop("annotations"))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_tools.COCO(str(file))
    assert CocoDetection(images, file).ids == sorted(truth.imgs)
    assert CocoDetection(images, file)[1][1] == []
    image, target = CocoDetection(images, file, tensors=True, masks=True, keypoints=True)[0]
    assert (image.height, image.width) == SIZES[3]
    assert target["boxes"].shape == (0, 4)
    assert target["labels"].dtype == torch.int64
    assert target["masks"].shape == (0, *SIZES[3])


@pytest.mark.parametrize("name", ["annotations", "categories"])
def test_annotations_that_are_no_list_are_refused(tmp_path: Path, name: str) -> None:
    images, file = changed_coco(tmp_path, lambda content: content.update({name: {"a": 1}}))
    with pytest.raises(ValueError, match=rf"instances\.json: {name} must be a list, or left out, got \{{'a': 1\}}"):
        CocoDetection(images, file)


@pytest.mark.parametrize("name", ["height", "width"])
def test_a_side_may_be_null_where_no_mask_is_asked_for(tmp_path: Path, name: str) -> None:
    images, file = changed_coco(tmp_path, lambda content: content["images"][3].update({name: None}))
    target = CocoDetection(images, file, tensors=True).target(0)
    assert len(target["boxes"]) == len(boxes_of(3))
    with pytest.raises(ValueError, match=r"instances\.json: image 37: masks need the image's height and width"):
        CocoDetection(images, file, tensors=True, masks=True).target(0)
