"""Images with objects, made in threads: the batches that samples made one by one and collated in Python would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.detection_files import coco, voc, yolo
from support.painted import found

import fastload
from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.datasets import CocoDetection, VOCDetection, YOLODetection
from fastload.io import DecodeError
from fastload.transforms import BoxParams

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

AUGMENT = T.Compose(
    [
        T.RandomIoUCrop(),
        T.RandomHorizontalFlip(),
        T.RandomAffine(10, translate=(0.1, 0.1), scale=(0.8, 1.2)),
        T.ColorJitter(0.3, 0.3, 0.3),
        T.Resize((64, 48)),
        T.ToTensor(),
    ],
    boxes=BoxParams(min_area=2, keypoint_swaps=((0, 1),)),
)


class InPython(DetectionCollate):
    """The same, but nobody knows: its samples are made by workers that are processes."""


def as_coco(root: Path) -> CocoDetection:
    images, file = coco(root)
    return CocoDetection(images, file, transforms=AUGMENT, tensors=True, masks=True, keypoints=True)


def as_voc(root: Path) -> VOCDetection:
    return VOCDetection(voc(root), transforms=AUGMENT, tensors=True)


def as_yolo(root: Path) -> YOLODetection:
    return YOLODetection(yolo(root), transforms=AUGMENT, masks=True)


Make = Callable[[Path], Any]
KINDS: dict[str, Make] = {"coco": as_coco, "voc": as_voc, "yolo": as_yolo}


def is_native(loader: Any) -> bool:
    iterator = iter(loader)
    return all(worker.pid is None for worker in iterator._workers)


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert one.stride() == other.stride()
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, yours in zip(one, other, strict=True):
            assert_same(mine, yours)
    else:
        assert one == other


def batches(data: Any, collate: Any, epochs: int = 3, **options: Any) -> list[Any]:
    torch.manual_seed(5)
    loader = fastload.DataLoader(data, **{"batch_size": 3, "shuffle": True, "collate_fn": collate, **options})
    return [batch for _ in range(epochs) for batch in loader]


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_batches_are_those_of_samples(tmp_path: Path, make: Make, mode: str) -> None:
    data = make(tmp_path)
    assert is_native(fastload.DataLoader(data, 2, num_workers=1, collate_fn=DetectionCollate(mode)))
    expected = batches(data, InPython(mode))
    for workers in (1, 2, 8):
        assert_same(batches(data, DetectionCollate(mode), num_workers=workers), expected)
    assert_same(batches(data, InPython(mode), num_workers=2), expected)


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
def test_sizes_of_images_are_those_of_samples(tmp_path: Path, mode: str) -> None:
    data = as_coco(tmp_path)
    expected = batches(data, InPython(mode, pad_images=True))
    assert_same(batches(data, DetectionCollate(mode, pad_images=True), num_workers=2), expected)
    targets = expected[0][1]
    assert (targets[0]["size"] if mode == "list" else targets["size"][0]).tolist() == [64, 48]


def test_rows_do_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    data = as_coco(tmp_path)

    def rows(size: int) -> list[Any]:
        made = batches(data, DetectionCollate(), batch_size=size, num_workers=2)
        return [(image, target) for images, targets in made for image, target in zip(images, targets, strict=True)]

    assert_same(rows(1), rows(4))


@pytest.mark.parametrize("layout", [T.ToImage(), T.ToTensor(), T.Compose([T.ToTensor(), T.ToMemoryFormat()])])
def test_boxes_lie_on_the_objects_of_a_batch(tmp_path: Path, layout: Any) -> None:
    chain = T.Compose([T.Pad(3), T.RandomHorizontalFlip(p=1), T.CenterCrop((80, 96)), layout])
    images, file = coco(tmp_path)
    data = CocoDetection(images, file, transforms=chain, tensors=True)
    ((batch, targets),) = fastload.DataLoader(data, 4, num_workers=2, collate_fn=DetectionCollate("packed"))
    channels_last = "ToMemoryFormat" in repr(layout)
    assert batch.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    scale = 1 if batch.dtype == torch.uint8 else 255
    starts = targets["offsets"].tolist()
    for place in range(4):
        pixels = (batch[place] * scale).round().to(torch.uint8).permute(1, 2, 0).numpy()
        boxes = targets["boxes"][starts[place] : starts[place + 1]]
        labels = targets["labels"][starts[place] : starts[place + 1]].tolist()
        for label, box in zip(labels, boxes.tolist(), strict=True):
            edges = found(pixels, label - 1)
            assert edges is not None
            assert list(edges) == box
    assert len(targets["boxes"]) > 0


def test_a_batch_of_a_subset_and_an_epoch_that_is_resumed(tmp_path: Path) -> None:
    data = torch.utils.data.Subset(as_yolo(tmp_path), [3, 1, 0])
    expected = batches(data, InPython("padded"), batch_size=1, epochs=1)

    def loader() -> Any:
        torch.manual_seed(5)
        return fastload.DataLoader(data, 1, shuffle=True, num_workers=2, collate_fn=DetectionCollate("padded"))

    first = loader()
    iterator = iter(first)
    made = [next(iterator)]
    second = loader()
    second.load_state_dict(first.state_dict())
    assert_same([*made, *second], expected)


class WithTargetsOfItsOwn(CocoDetection):
    def target(self, number: int) -> Any:
        return {**super().target(number), "drawn": torch.rand(())}


def test_what_only_workers_can_do_is_left_to_them(tmp_path: Path) -> None:
    images, file = coco(tmp_path)
    options: dict[str, Any] = {"num_workers": 1, "collate_fn": DetectionCollate()}
    own = WithTargetsOfItsOwn(images, file, transforms=AUGMENT, tensors=True)
    assert not is_native(fastload.DataLoader(own, **options))
    many_sizes = T.Compose([T.RandomShortestSize([40, 50]), T.ToTensor()])
    assert not is_native(
        fastload.DataLoader(CocoDetection(images, file, transforms=many_sizes, tensors=True), **options)
    )
    tailed = T.Compose([AUGMENT, lambda image, target: (image, target)])
    assert not is_native(fastload.DataLoader(CocoDetection(images, file, transforms=tailed, tensors=True), **options))


def damaged(root: Path) -> CocoDetection:
    """The image of id 38 is cut short, that of id 39 is not there, and id 40 has a box of a negative width."""
    images, file = coco(root)
    content = json.loads(file.read_text())
    for number in (1, 2, 3):
        path = images / f"image{number}.png"
        Image.open(path).save(path.with_suffix(".jpg"))
    for entry in content["images"]:
        if entry["id"] != 40:
            entry["file_name"] = entry["file_name"].replace("png", "jpg")
    (images / "image2.jpg").write_bytes((images / "image2.jpg").read_bytes()[:300])
    (images / "image1.jpg").unlink()
    wrong = next(entry for entry in content["annotations"] if entry["image_id"] == 40)
    wrong["bbox"] = [20, 20, -5, 5]
    file.write_text(json.dumps(content))
    return CocoDetection(images, file, transforms=AUGMENT, tensors=True)


def errors(data: Any, collate: Any, workers: int) -> list[tuple[type, str]]:
    """What each batch of one sample says."""
    iterator = iter(fastload.DataLoader(data, 1, num_workers=workers, collate_fn=collate))
    return [said_by(iterator) for _ in range(len(data))]


def said_by(iterator: Any) -> tuple[type, str]:
    try:
        next(iterator)
    except Exception as error:
        return type(error), str(error.__cause__ or error)
    return type(None), ""


def test_each_fault_is_that_of_its_sample(tmp_path: Path) -> None:
    data = damaged(tmp_path)
    assert data.ids == [37, 38, 39, 40]
    said = errors(data, DetectionCollate(), 2)
    assert [kind for kind, _ in said] == [type(None), DecodeError, DecodeError, ValueError]
    assert "image2.jpg" in said[1][1]
    assert "image1.jpg" in said[2][1]
    assert "box" in said[3][1]
    assert [kind for kind, _ in errors(data, InPython(), 0)] == [kind for kind, _ in said]


def test_the_error_names_index_and_position(tmp_path: Path) -> None:
    loader = fastload.DataLoader(damaged(tmp_path), 4, num_workers=2, collate_fn=DetectionCollate())
    with pytest.raises(DecodeError) as caught:
        next(iter(loader))
    assert "dataset index 1, position 1 in the batch" in "\n".join([str(caught.value), *caught.value.__notes__])


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
def test_samples_that_fail_are_left_out_or_replaced(tmp_path: Path, mode: str) -> None:
    data = damaged(tmp_path)

    def replacement(index: int, error: Exception) -> Any:
        return data[0]

    for on_error in ("skip", replacement):
        options: dict[str, Any] = {"batch_size": 4, "shuffle": False, "epochs": 1, "on_error": on_error}
        made = batches(data, DetectionCollate(mode), num_workers=2, **options)
        images, targets = made[0]
        assert len(images) == (1 if on_error == "skip" else 4)
        if on_error == "skip":
            assert_same(made, batches(data, InPython(mode), **options))
        elif mode == "list":
            assert [target["image_id"] for target in targets] == [37] * 4
