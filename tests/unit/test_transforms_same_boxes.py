"""The boxes that come out of a chain are the same whatever kind of image they go with, and whatever it is broken by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

IMAGE = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
Image = pytest.importorskip("PIL.Image")


def with_nothing(image: Any, target: Any) -> Any:
    return image, target


KINDS = {
    "uint8 array": IMAGE,
    "float array": IMAGE.astype(np.float32) / 255,
    "uint16 array": IMAGE.astype(np.uint16),
    "uint8 tensor": torch.from_numpy(IMAGE).permute(2, 0, 1),
    "float tensor": torch.from_numpy(IMAGE).permute(2, 0, 1) / 255,
    "RGB": Image.fromarray(IMAGE),
    "RGBA": Image.fromarray(IMAGE).convert("RGBA"),
    "P": Image.fromarray(IMAGE).quantize(16),
}
BREAKS: dict[str, list[Any]] = {
    "nothing": [],
    "ToTensor": [T.ToTensor()],
    "AugMix": [T.AugMix()],
    "Lambda": [T.Lambda(lambda image: image)],
    "a function": [with_nothing],
    "a function in a container": [T.RandomApply([with_nothing, T.RandomInvert(1.0)], 1.0)],
    "unfused": [T.RandomApply([T.RandomInvert(0.5)], 0.5)],
}


def between(first: Any, last: Any, name: str, **params: Any) -> T.Compose:
    return T.Compose([first, *BREAKS[name], last], boxes=T.BoxParams(**params), fuse=name != "unfused")


def boxes_of(chain: Any, image: Any, boxes: Any) -> list[list[float]]:
    _, after = chain(image, {"boxes": torch.tensor(boxes, dtype=torch.float64)})
    return after["boxes"].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("broken_by", BREAKS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_and_its_opposite_give_the_box_back(kind: str, broken_by: str) -> None:
    if kind in ("uint16 array", "P") and broken_by not in ("nothing", "Lambda", "a function"):
        pytest.skip("colours of these are not changed")
    if kind == "RGBA" and broken_by == "AugMix":
        pytest.skip("it takes images of three channels")
    chain = between(T.RandomRotation((45, 45)), T.RandomRotation((-45, -45)), broken_by)
    (box,) = boxes_of(chain, KINDS[kind], [[30, 40, 60, 55]])
    assert box == pytest.approx([30, 40, 60, 55])


@pytest.mark.parametrize("broken_by", BREAKS)
@pytest.mark.parametrize("kind", ["uint8 array", "float array", "uint8 tensor", "float tensor", "RGB"])
@pytest.mark.parametrize("least", [0.5, 0.45])
def test_what_is_left_is_part_of_the_whole_object(kind: str, broken_by: str, least: float) -> None:
    chain = between(T.CenterCrop((100, 70)), T.CenterCrop((100, 45)), broken_by, min_visibility=least)
    left = [[0, 40, 45, 60]] if least == 0.45 else []
    assert boxes_of(chain, KINDS[kind], [[0, 40, 100, 60]]) == left


def test_a_box_that_a_function_has_changed_begins_anew() -> None:
    def shifted(image: Any, target: Any) -> Any:
        target = {"boxes": target["boxes"].clone(), "labels": target["labels"]}
        target["boxes"][0] += 1
        return image, target

    chain = T.Compose([T.RandomRotation((45, 45)), shifted, T.RandomRotation((-45, -45))])
    boxes = torch.tensor([[30.0, 40, 60, 55], [40, 40, 60, 60]], dtype=torch.float64)
    _, after = chain(IMAGE, {"boxes": boxes, "labels": [1, 2]})
    # The box around a turned box of 30 x 15, turned once more, is twice as high as wide sides say.
    side = (30 + 15) / math.sqrt(2)
    x1, y1, x2, y2 = after["boxes"][0].tolist()
    assert (x2 - x1, y2 - y1) == pytest.approx((side * math.sqrt(2),) * 2)
    assert after["boxes"][1].tolist() == pytest.approx([40, 40, 60, 60])


@pytest.mark.parametrize(("box_format", "side"), [("xyxy", 100), ("xyxy_normalized", 1)])
@pytest.mark.parametrize(("parts", "goes_on"), [(0, True), (3e-6, True), (1e-4, False), (1e-3, False)])
def test_boxes_go_on_that_come_back_but_for_what_float32_rounds(
    box_format: str, side: float, parts: float, goes_on: bool
) -> None:
    """Parts of the image's side that a library moves them by, in going through float32."""

    def through_float32(image: Any, target: Any) -> Any:
        rounded = (target["boxes"] / side + parts).to(torch.float32).to(torch.float64)
        return image, {"boxes": rounded * side}

    steps = [T.RandomRotation((45, 45)), through_float32, T.RandomRotation((-45, -45))]
    (box,) = boxes_of(
        T.Compose(steps, boxes=box_format), IMAGE, [[30 * side / 100, 0.4 * side, 0.6 * side, 0.55 * side]]
    )
    is_same = np.allclose(box, np.array([0.3, 0.4, 0.6, 0.55]) * side, atol=1e-4 * side)
    assert is_same == goes_on


def test_a_function_may_drop_boxes_and_change_their_order() -> None:
    def turned_about(image: Any, target: Any) -> Any:
        return image, {name: value[[2, 0]] for name, value in target.items()}

    chain = T.Compose([T.RandomRotation((45, 45)), turned_about, T.RandomRotation((-45, -45))])
    boxes = torch.tensor([[30.0, 40, 60, 55], [40, 40, 60, 60], [50, 30, 55, 70]], dtype=torch.float64)
    _, after = chain(IMAGE, {"boxes": boxes, "labels": torch.arange(3)})
    assert torch.allclose(after["boxes"], boxes[[2, 0]])
    assert after["labels"].tolist() == [2, 0]


def test_a_function_that_changes_the_size_begins_anew() -> None:
    def halved(image: Any, target: Any) -> Any:
        return image[::2, ::2], target

    chain = T.Compose([T.CenterCrop(60), halved, T.RandomHorizontalFlip(1.0)], boxes="yolo")
    assert boxes_of(chain, IMAGE, [[0.5, 0.5, 0.1, 0.2]])[0] == pytest.approx([0.5, 0.5, 1 / 6, 1 / 3])


def test_rotated_boxes_of_a_mirrored_image_go_on() -> None:
    steps = [T.RandomHorizontalFlip(1.0), T.CenterCrop(90), T.RandomVerticalFlip(1.0), T.RandomRotation((20, 20))]
    box = [[40, 50, 30, 10, 25]]
    whole = boxes_of(T.Compose(steps, boxes="cxcywhr"), IMAGE, box)
    for at in (1, 2, 3):
        broken = T.Compose([*steps[:at], with_nothing, *steps[at:]], boxes="cxcywhr")
        assert boxes_of(broken, IMAGE, box)[0] == pytest.approx(whole[0])


def test_small_boxes_are_filtered_at_the_end() -> None:
    chain = T.Compose([T.Resize(10), T.Resize(100)], boxes=T.BoxParams(min_area=100))
    for image in KINDS.values():
        assert boxes_of(chain, image, [[30, 30, 60, 60]])[0] == pytest.approx([30, 30, 60, 60])


def test_the_masks_of_an_object_go_with_its_box_at_the_end() -> None:
    masks = torch.zeros(2, 100, 100, dtype=torch.uint8)
    masks[0, 10:20, 10:20] = masks[1, 40:60, 40:60] = 1
    target = {"boxes": torch.tensor([[10.0, 10, 20, 20], [40, 40, 60, 60]]), "masks": masks, "labels": ["a", "b"]}
    for image in KINDS.values():
        _, after = T.Compose([T.CenterCrop(60), T.RandomHorizontalFlip(1.0)])(image, target)
        assert after["labels"] == ["b"]
        assert torch.equal(after["masks"], masks[1:, 20:80, 20:80].flip(2))


def mirrored(sample: Any) -> Any:
    image, target = sample
    left, top, right, bottom = np.asarray(target["boxes"], dtype=np.float32).T
    width = image.shape[1]
    return image[:, ::-1].copy(), {"boxes": np.stack([width - right, top, width - left, bottom], axis=1)}


def test_a_function_that_mirrors_an_object_in_the_middle_has_mirrored_it() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[90:110, 40:160] = 255
    target = {"boxes": np.array([[40.0, 90, 160, 110]], dtype=np.float32)}
    turn = T.RandomRotation((30, 30), interpolation=T.InterpolationMode.BILINEAR)
    made, moved = T.Compose([turn, mirrored, turn])((image, target))
    rows, columns = np.nonzero(made[:, :, 0] > 128)
    left, top, right, bottom = moved["boxes"][0]
    assert left <= columns.min() + 1
    assert top <= rows.min() + 1
    assert right >= columns.max()
    assert bottom >= rows.max()


def test_steps_held_by_something_else_take_boxes_as_their_chain_does() -> None:
    class Holder(T.Transform):
        def __init__(self) -> None:
            super().__init__()
            self.inner = T.RandomHorizontalFlip(1.0)

        def forward(self, *inputs: Any) -> Any:
            return self.inner(*inputs)

    image, target = np.zeros((100, 200, 3), np.uint8), {"bboxes": np.array([[20, 10, 40, 20]], dtype=np.float32)}
    both = torch.nn.Sequential(T.RandomHorizontalFlip(1.0), T.RandomVerticalFlip(1.0))
    assert T.Compose([both], boxes="coco")({"image": image, **target})["bboxes"].tolist() == [[140, 70, 40, 20]]
    assert T.Compose([Holder()], boxes="coco")(image, target)[1]["bboxes"].tolist() == [[140, 10, 40, 20]]
    own = T.Compose([T.RandomHorizontalFlip(1.0)], boxes="xyxy")

    def with_own(sample: Any) -> Any:
        return sample[0], {**sample[1], "more": own(sample[0], {"boxes": np.array([[0.0, 0, 50, 50]])})[1]["boxes"]}

    made = T.Compose([with_own], boxes="coco")((image, target))[1]
    assert made["more"].tolist() == [[150, 0, 200, 50]]


def test_names_and_truth_values_are_no_targets() -> None:
    image, boxes = np.zeros((100, 200, 3), np.uint8), np.array([[20, 10, 40, 20]], dtype=np.float32)
    for meta in ({"keypoints": ["nose", "eye"]}, {"mask": True}):
        made = T.RandomHorizontalFlip(1.0)({"image": image, "boxes": boxes, "meta": meta})
        assert made["boxes"].tolist() == [[160, 10, 180, 20]]
        assert made["meta"] == meta
