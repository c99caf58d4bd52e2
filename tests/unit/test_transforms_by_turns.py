"""One transform given samples of another make each time makes of each what a new one would."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastload import transforms as T


def pixels(channels: int = 3) -> np.ndarray[Any, Any]:
    levels = np.random.default_rng(3).integers(0, 256, (20, 30, channels), dtype=np.uint8)
    return levels if channels > 1 else levels[:, :, 0]


def pictures() -> Iterator[Any]:
    yield pixels()
    yield pixels(1)
    yield pixels(4)
    yield pixels().astype(np.float32)
    for mode in ("RGB", "L", "RGBA", "P", "1"):
        yield Image.fromarray(pixels()).convert(mode)
    yield torch.from_numpy(pixels()).permute(2, 0, 1)


def targets() -> Iterator[Any]:
    boxes = np.array([[1.0, 2, 10, 12], [5, 5, 20, 15]], dtype=np.float32)
    labels = np.array([4, 7])
    yield {"boxes": boxes, "labels": labels}
    yield {"labels": labels, "boxes": boxes}
    yield {"boxes": None, "labels": labels}
    yield {"boxes": torch.from_numpy(boxes), "labels": [1, 2]}
    yield {"boxes": boxes.tolist(), "labels": labels}
    yield OrderedDict(boxes=boxes, labels=labels)
    yield {"boxes": boxes, "other": None}
    yield {"other": boxes, "boxes": None}
    yield {"caption": "none"}
    yield {}
    yield 3


def flipped() -> T.Transform:
    return T.Compose([T.RandomHorizontalFlip(1), T.Pad(2)])


def seen(value: Any) -> Any:
    """What can be compared: types, shapes and numbers."""
    if isinstance(value, dict):
        return type(value), [(name, seen(one)) for name, one in value.items()]
    if isinstance(value, tuple | list):
        return type(value), [seen(one) for one in value]
    if isinstance(value, torch.Tensor | np.ndarray):
        return type(value), value.dtype, tuple(value.shape), value.tolist()
    return (value.mode, value.tobytes()) if isinstance(value, Image.Image) else value


def each(transform: Callable[[], Any], samples: list[tuple[Any, ...]]) -> list[Any]:
    return [seen(transform()(*sample)) for sample in samples]


def test_images_of_all_kinds_go_through_one_transform() -> None:
    samples = [(image,) for image in pictures()] * 2
    one = flipped()
    assert each(lambda: one, samples) == each(flipped, samples)


def test_targets_of_all_kinds_go_through_one_transform() -> None:
    samples = [(pixels(), target) for target in targets()] * 2
    one = flipped()
    assert each(lambda: one, samples) == each(flipped, samples)


def test_a_sample_goes_as_it_would_by_a_modules_call() -> None:
    one = flipped()
    for image in pictures():
        for target in targets():
            assert seen(one(image, target)) == seen(torch.nn.Module.__call__(one, image, target))


def test_as_many_names_as_there_may_be_are_not_all_kept() -> None:
    one = flipped()
    for number in range(200):
        one(pixels(), {f"name {number}": 1})
    assert len(one._passes._ways) <= 64


class Either(T.Transform):
    """Has members that no chain could be made of."""

    def __init__(self) -> None:
        super().__init__()
        self.transforms = [
            T.Compose([T.RandomHorizontalFlip(1)], boxes="xyxy"),
            T.Compose([T.RandomVerticalFlip(1)], boxes="xywh"),
        ]

    def forward(self, image: Any, target: Any) -> Any:
        return self.transforms[target["kind"]](image, target)


@pytest.mark.parametrize("image", list(pictures()), ids=lambda image: type(image).__name__)
def test_a_forward_of_ones_own_is_all_that_is_called(image: Any) -> None:
    target = {"kind": 1, "boxes": np.array([[1.0, 2, 3, 4]])}
    assert Either()(image, target)[1]["boxes"].tolist() == [[1, 20 - 2 - 4, 3, 4]]


def test_a_forward_that_is_exchanged_later_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    flip, image = T.RandomHorizontalFlip(1), pixels()
    flip(image)
    monkeypatch.setattr(T.RandomHorizontalFlip, "forward", lambda _, *sample: "exchanged")
    assert flip(image) == flip(image, {}) == flip(Image.fromarray(image)) == "exchanged"


def test_what_compile_has_put_in_the_place_of_a_call_is_called() -> None:
    flip, image = T.RandomHorizontalFlip(1), pixels()
    flip(image)
    flip._compiled_call_impl = lambda *sample: "compiled"
    assert flip(image) == "compiled"
