"""Objects painted into an image are found again, by their colour, where the boxes say that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.painted import found, grid_of_boxes, painted

from fastload import transforms as T

NEAREST = T.InterpolationMode.NEAREST
HEIGHT, WIDTH = 180, 240
BOXES = grid_of_boxes(HEIGHT, WIDTH, 34, 12)
IMAGE = painted(HEIGHT, WIDTH, BOXES)
# Only the middles of the objects: what pixels are rounded by before they are bent is stretched, and yet stays within.
MIDDLES = painted(HEIGHT, WIDTH, [(left + 4, top + 4, right - 4, bottom - 4) for left, top, right, bottom in BOXES])
# A pixel shows what is under its centre: an extent that is seen may end half a pixel beyond the box, and at a sharp
# corner begins where the corner is as wide as a pixel.
BEYOND, SHORT = 0.51, 3.5
# Of an object that is cut to less than this part, only a sliver between the centres of pixels may be left: turned on
# its diagonal it is in a large box, and yet shows no pixel.
GOOD_PART = 0.25

GEOMETRIC: dict[str, Any] = {
    "flip": lambda: T.RandomHorizontalFlip(1.0),
    "upside down": lambda: T.RandomVerticalFlip(1.0),
    "crop": lambda: T.RandomCrop((140, 190)),
    "padded crop": lambda: T.RandomCrop((170, 230), padding=20, fill=0),
    "centre": lambda: T.CenterCrop((150, 260)),
    "pad": lambda: T.Pad([5, 11, 3, 0], fill=0),
    "resize": lambda: T.Resize((300, 270), interpolation=NEAREST),
    "resized crop": lambda: T.RandomResizedCrop((200, 220), scale=(0.5, 1.0), interpolation=NEAREST),
    "rotation": lambda: T.RandomRotation(45),
    "expanding rotation": lambda: T.RandomRotation(60, expand=True),
    "affine": lambda: T.RandomAffine(20, translate=(0.1, 0.1), scale=(0.9, 1.4), shear=(-10, 10, -10, 10)),
    "perspective": lambda: T.RandomPerspective(0.25, p=1.0, interpolation=NEAREST),
    "elastic": lambda: T.ElasticTransform(60.0, 8.0, interpolation=NEAREST),
    "grid": lambda: T.GridDistortion(5, 0.3, interpolation=NEAREST, p=1.0),
    "zoom out": lambda: T.RandomZoomOut(side_range=(1.0, 1.8), p=1.0),
    "scale jitter": lambda: T.ScaleJitter((220, 260), (0.8, 1.3), interpolation=NEAREST),
    "shortest size": lambda: T.RandomShortestSize([150, 200, 260], interpolation=NEAREST),
    "longest size": lambda: T.LongestMaxSize(300, interpolation=NEAREST),
    "letter box": lambda: T.LetterBox((256, 256), fill=0, interpolation=NEAREST),
    "quarters": lambda: T.RandomRotate90(1.0),
    "transpose": lambda: T.Transpose(1.0),
    "iou crop": T.RandomIoUCrop,
    "safe crop": lambda: T.BBoxSafeRandomCrop(0.3),
}

# They stretch and shrink objects so much that boxes are looser than what a few pixels show of them.
BENDING: dict[str, Any] = {
    "elastic": GEOMETRIC["elastic"],
    "grid": GEOMETRIC["grid"],
    "far perspective": lambda: T.RandomPerspective(1.0, p=1.0, interpolation=NEAREST),
    "strong elastic": lambda: T.ElasticTransform(200.0, 5.0, interpolation=NEAREST),
    "strong grid": lambda: T.GridDistortion(5, 0.9, interpolation=NEAREST, p=1.0),
    "open grid": lambda: T.GridDistortion(5, 0.9, NEAREST, normalized=False, p=1.0),
}


def chains_without(*names: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(set(GEOMETRIC) - set(names))), min_size=2, max_size=5)


def applied(chain: T.Compose, image: Any = IMAGE) -> Any:
    """The sample transformed; None where a crop does not fit into what earlier steps have made of the image."""
    try:
        return chain(image, sample()[1])
    except ValueError as error:
        if "does not fit" not in str(error):
            raise
        return None


def applied_twice(names: list[str], seed: int) -> Any:
    """The sample transformed, and the labels of those objects of which a good part is left."""
    made = []
    for params in (T.BoxParams(), T.BoxParams(min_visibility=GOOD_PART)):
        torch.manual_seed(seed)
        made.append(applied(T.Compose([GEOMETRIC[name]() for name in names], boxes=params)))
    return made[0], set() if made[1] is None else set(made[1][1]["labels"].tolist())


def sample() -> tuple[Any, dict[str, Any]]:
    masks = np.stack([(IMAGE[top, left] == IMAGE).all(axis=-1) for left, top, _, _ in BOXES])
    middles = [[[(left + right) / 2, (top + bottom) / 2, 2]] for left, top, right, bottom in BOXES]
    target = {
        "boxes": torch.tensor(BOXES, dtype=torch.float32),
        "labels": torch.arange(len(BOXES)),
        "names": [f"object {number}" for number in range(len(BOXES))],
        "masks": torch.from_numpy(masks),
        "keypoints": torch.tensor(middles, dtype=torch.float32),
        "image_id": torch.arange(len(BOXES)),
    }
    return IMAGE, target


def check(image: Any, target: dict[str, Any], slack: float = 0.0, good: set[int] | None = None) -> None:
    """Every box is where its object is, and all that belongs to the object is with it.

    good: the labels of objects that must show pixels. None: those whose boxes are no slivers.
    """
    height, width = image.shape[:2]
    labels = target["labels"].tolist()
    assert target["names"] == [f"object {label}" for label in labels]
    assert len(target["image_id"]) == len(BOXES)
    assert target["boxes"].dtype == torch.float32
    for number, (label, box) in enumerate(zip(labels, target["boxes"].tolist(), strict=True)):
        left, top, right, bottom = box
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        place = found(image, label)
        if place is None:  # a sliver between the centres of pixels
            is_thin = min(right - left, bottom - top) < 1.5 + slack
            assert is_thin if good is None else is_thin or label not in good
            continue
        # Of a sliver that is cut from a slanted corner, few pixels' centres are left; and rounded to its neighbours
        # across the cut, it goes on much farther along a slanted side.
        is_sliver = min(right - left, bottom - top) <= 8
        most = 34 * 2 if is_sliver else SHORT + slack
        beyond = BEYOND + min(34, slack * (10 if is_sliver else 1))
        for seen, said in zip(place[:2], (left, top), strict=True):
            assert -beyond <= seen - said <= most, (label, place, box)
        for seen, said in zip(place[2:], (right, bottom), strict=True):
            assert -beyond <= said - seen <= most, (label, place, box)
        x, y, seen = target["keypoints"][number, 0].tolist()
        assert seen == 0 or (0 <= x <= width and 0 <= y <= height)
        if seen and 1 <= x < width - 1 and 1 <= y < height - 1:
            near = target["masks"][number, max(0, int(y) - 1) : int(y) + 2, max(0, int(x) - 1) : int(x) + 2]
            assert near.any(), (label, x, y)


def check_loosely(image: Any, target: dict[str, Any], passes: int) -> int:
    """Every box holds the pixels of its object, and a point in it is near them; how many points were looked at."""
    height, width = image.shape[:2]
    labels = target["labels"].tolist()
    looked_at = 0
    for number, (label, box) in enumerate(zip(labels, target["boxes"].tolist(), strict=True)):
        left, top, right, bottom = box
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        place = found(image, label)
        if place is None:
            continue
        slack = BEYOND + 1.6 * (passes - 1)  # each pass may round pixels to their neighbours, and enlarge that
        assert place[0] >= left - slack, (label, place, box)
        assert place[1] >= top - slack, (label, place, box)
        assert place[2] <= right + slack, (label, place, box)
        assert place[3] <= bottom + slack, (label, place, box)
        x, y, seen = target["keypoints"][number, 0].tolist()
        reach = 1 + passes
        # Of a sliver across its box, the centres of few pixels are left, and they may lie anywhere along it.
        is_full = int(target["masks"][number].sum()) > (right - left) * (bottom - top) / 5
        is_large = is_full and min(right - left, bottom - top) > 6
        if seen and is_large and reach <= x < width - reach and reach <= y < height - reach:
            rows, columns = (slice(int(at) - reach, int(at) + reach + 1) for at in (y, x))
            assert target["masks"][number, rows, columns].any(), (label, x, y, box)
            looked_at += 1
    return looked_at


@pytest.mark.parametrize("name", BENDING)
def test_what_bends_far_moves_all_of_them_too(name: str) -> None:
    looked_at = 0
    for seed in range(25):
        torch.manual_seed(seed)
        looked_at += check_loosely(*BENDING[name]()(*sample()), passes=1)
    assert looked_at > 40


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(sorted(GEOMETRIC)), max_size=2),
    st.sampled_from(sorted(BENDING)),
    st.lists(st.sampled_from(sorted(GEOMETRIC)), max_size=2),
    st.integers(0, 2**31),
)
def test_and_so_does_any_chain_that_bends(before: list[str], bent: str, after: list[str], seed: int) -> None:
    names = [*before, bent, *after]
    torch.manual_seed(seed)
    made = applied(T.Compose([{**GEOMETRIC, **BENDING}[name]() for name in names]), MIDDLES)
    if made is not None:
        check_loosely(*made, passes=len(names))


@pytest.mark.parametrize("name", GEOMETRIC)
def test_every_transform_moves_boxes_masks_and_points_with_the_pixels(name: str) -> None:
    for seed in range(12):
        torch.manual_seed(seed)
        image, target = GEOMETRIC[name]()(*sample())
        check(image, target)
        shown = [
            (np.asarray(image) == IMAGE[BOXES[label][1], BOXES[label][0]]).all(axis=-1) for label in target["labels"]
        ]
        if shown:
            assert np.array_equal(target["masks"].numpy(), np.stack(shown))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(["affine", "scale jitter", "affine", "pad", "padded crop"], 14644303)
@example(["safe crop", "affine", "safe crop", "resized crop", "affine"], 13)
@example(["resized crop", "affine", "resized crop", "longest size"], 13)
@given(chains_without("elastic", "grid"), st.integers(0, 2**31))
def test_and_so_does_any_chain(names: list[str], seed: int) -> None:
    made, good = applied_twice(names, seed)
    if made is None:
        return
    image, target = made
    check(image, target, slack=1.2 * len(names), good=good)  # each pass may round pixels, and enlarge what was rounded


def test_a_sliver_that_is_turned_shows_no_pixel() -> None:
    names, seed = ["shortest size", "crop", "expanding rotation"], 1174059469
    (image, target), good = applied_twice(names, seed)
    check(image, target, slack=0.8 * len(names), good=good)
    slivers = {label for label in target["labels"].tolist() if found(image, label) is None}
    assert len(slivers) == 1
    assert not slivers & good


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains_without("iou crop"), st.integers(0, 2**31))
def test_step_by_step_gives_the_same_boxes(names: list[str], seed: int) -> None:
    results = []
    for fuse in (True, False):
        torch.manual_seed(seed)
        results.append(applied(T.Compose([GEOMETRIC[name]() for name in names], fuse=fuse)))
    if results[0] is None or results[1] is None:
        assert results[0] is results[1]
        return
    (fused, one), (stepwise, other) = results
    assert fused.shape == stepwise.shape
    assert torch.equal(one["labels"], other["labels"])
    assert torch.allclose(one["boxes"], other["boxes"])
