"""Points of an image whose pixels hold their own coordinates: they are found again where those pixels are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fastload import transforms as T

NEAREST = T.InterpolationMode.NEAREST
HEIGHT, WIDTH = 200, 240


def coordinates() -> NDArray[np.uint8]:
    """(H, W, 3): the column and the row of each pixel, and 1 where the image is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.uint8)


def mirrored(shown: NDArray[np.uint8], step: int = 5) -> bool | None:
    """Whether columns and rows turn the other way round in what is shown; None if too little is, to tell."""
    places = shown.astype(np.int64)
    here, right, down = places[:-step, :-step], places[:-step, step:], places[step:, :-step]
    seen = (here[..., 2] + right[..., 2] + down[..., 2]) == 3
    if seen.sum() < 100:
        return None
    (ax, ay), (bx, by) = ((there - here)[seen][:, :2].T for there in (right, down))
    return bool((ax * by - ay * bx).sum() < 0)


@pytest.mark.parametrize("distortion", [0.5, 0.7, 0.9, 1.0])
def test_a_perspective_exchanges_left_and_right_where_its_pixels_do(distortion: float) -> None:
    points = torch.tensor([[[110.0, 100, 2], [130, 100, 2]]])
    perspective = T.RandomPerspective(distortion, p=1.0, interpolation=NEAREST)
    told = {True: 0, False: 0}
    for seed in range(300):
        made = []
        for swaps in ((), ((0, 1),)):
            torch.manual_seed(seed)
            chain = T.Compose([perspective], boxes=T.BoxParams(keypoint_swaps=swaps))
            shown, target = chain(coordinates(), {"keypoints": points})
            made.append(target["keypoints"])
        turned = mirrored(shown)
        if turned is None:
            continue
        told[turned] += 1
        assert torch.equal(made[1], made[0].flip(1) if turned else made[0]), seed
    assert told[False] > 100
    assert distortion < 1 or told[True] > 0


BENT = {
    "elastic 100, 3": lambda: T.ElasticTransform(100.0, 3.0),
    "elastic 200, 5": lambda: T.ElasticTransform(200.0, 5.0),
    "elastic 300, 5": lambda: T.ElasticTransform(300.0, 5.0),
    "elastic 1000, 10": lambda: T.ElasticTransform(1000.0, 10.0),
    "elastic 5000, 4": lambda: T.ElasticTransform(5000.0, 4.0),
    "elastic across alone": lambda: T.ElasticTransform((200.0, 0.0), (5.0, 5.0)),
    "grid 0.7": lambda: T.GridDistortion(5, 0.7, p=1.0),
    "grid 0.9": lambda: T.GridDistortion(7, 0.9, p=1.0),
    "grid 0.99": lambda: T.GridDistortion(60, 0.99, p=1.0),
    "grid of cells below a pixel": lambda: T.GridDistortion(1000, 0.9, p=1.0),
    "grid that leaves its border": lambda: T.GridDistortion(5, 0.9, normalized=False, p=1.0),
}


def exact_coordinates() -> torch.Tensor:
    """(3, H, W) float64: x and y of each pixel's middle, and 1 where the image is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return torch.from_numpy(np.stack([x, y, np.ones_like(x)]))


def shown_at(shown: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    """What lies there, between the middles of pixels."""
    column, row = min(int(x - 0.5), WIDTH - 2), min(int(y - 0.5), HEIGHT - 2)
    u, v = x - 0.5 - column, y - 0.5 - row
    upper, lower = (shown[:, line, column] * (1 - u) + shown[:, line, column + 1] * u for line in (row, row + 1))
    return upper * (1 - v) + lower * v  # type: ignore[no-any-return]


def check_point(shown: NDArray[np.float64], point: list[float], now: list[float], exact: bool) -> bool:
    """Whether the point, which is now there, is in the picture; that it is if a pixel shows it, and where one does.

    exact: what lies between pixels is what they show, mixed. Cells of a grid may end there.
    """
    x, y, seen = now
    if seen == 0:
        away = np.hypot(shown[0] - point[0], shown[1] - point[1])
        inner = away[1:-1, 1:-1][shown[2, 1:-1, 1:-1] == 1]
        assert not len(inner) or inner.min() > 0.1, (point, now)
        return False
    assert 0 <= x <= WIDTH
    assert 0 <= y <= HEIGHT
    if not 0.5 <= x <= WIDTH - 0.5 or not 0.5 <= y <= HEIGHT - 0.5:
        return True
    around = shown[:, int(y - 0.5) : int(y - 0.5) + 2, int(x - 0.5) : int(x - 0.5) + 2].reshape(3, -1)
    at_border = (around[:2] == 0.5).any() or (around[0] == WIDTH - 0.5).any() or (around[1] == HEIGHT - 0.5).any()
    if around[2].all() and not at_border:  # where places beyond the outermost middles are shown as those
        low, high = around[:2].min(axis=1) - 0.02, around[:2].max(axis=1) + 0.02
        assert (low <= point[:2]).all(), (point, now, around)
        assert (point[:2] <= high).all(), (point, now, around)
        assert not exact or np.abs(shown_at(shown, x, y)[:2] - point[:2]).max() < 0.02, (point, now)
    return True


@pytest.mark.parametrize("name", BENT)
def test_points_and_corners_of_bent_images_are_where_their_pixels_are(name: str) -> None:
    points = [[x, y, 2.0] for x in range(15, WIDTH, 30) for y in range(15, HEIGHT, 30)]
    target = {"keypoints": torch.tensor([points], dtype=torch.float64)}
    quads = torch.tensor([point[:2] for point in points[:40]], dtype=torch.float64).reshape(10, 8)
    chain = T.Compose([BENT[name]()], boxes=T.BoxParams("xyxyxyxy", fields=()))
    count = 0
    for seed in range(6):
        torch.manual_seed(seed)
        shown, made = chain(exact_coordinates(), {**target, "boxes": quads})
        now = made["keypoints"][0].tolist()
        exact = name.startswith("elastic")
        count += sum(check_point(shown.numpy(), *pair, exact) for pair in zip(points, now, strict=True))
        places = {tuple(point[:2]) for point in now[:40]}
        assert all(tuple(corner) in places for corner in made["boxes"].reshape(-1, 2).tolist())
    assert count > 0.4 * 6 * len(points)


def test_corners_of_the_image_stay_in_a_grid_that_keeps_its_border() -> None:
    corners = torch.tensor([[[0.0, 0, 2], [WIDTH, 0, 2], [WIDTH, HEIGHT, 2], [0, HEIGHT, 2], [0, 77, 2]]])
    for seed in range(20):
        torch.manual_seed(seed)
        made = T.GridDistortion(5, 0.9, p=1.0)(exact_coordinates(), {"keypoints": corners})[1]["keypoints"]
        assert torch.equal(made[:, :4], corners[:, :4])
        assert made[0, 4, 0] == 0
        assert made[0, 4, 2] == 2


def turns(a: Any, b: Any, c: Any) -> Any:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def triangles_with(shown: NDArray[np.float64], point: list[float]) -> NDArray[np.float64]:
    """How far away from the point are the triangles between the middles of pixels that show it."""
    a, b, c, d = shown[:2, :-1, :-1], shown[:2, :-1, 1:], shown[:2, 1:, :-1], shown[:2, 1:, 1:]
    y, x = np.mgrid[1:HEIGHT, 1:WIDTH]
    found = []
    for corners in ((a, b, c), (d, c, b)):
        signs = [turns(corners[k], corners[(k + 1) % 3], point) > 0 for k in range(3)]
        there = (signs[0] == signs[1]) & (signs[1] == signs[2])
        found.append(np.hypot(x[there] - point[0], y[there] - point[1]))
    return np.concatenate(found)


def test_of_several_places_that_show_a_point_it_goes_to_the_nearest() -> None:
    points = [[x, y, 2.0] for x in range(40, WIDTH - 30, 17) for y in range(40, HEIGHT - 30, 17)]
    several = 0
    for seed in range(3):
        torch.manual_seed(seed)
        shown, made = T.ElasticTransform(400.0, 5.0)(exact_coordinates(), {"keypoints": torch.tensor([points])})
        for point, now in zip(points, made["keypoints"][0].tolist(), strict=True):
            away = triangles_with(shown.numpy(), point)
            assert abs(np.hypot(now[0] - point[0], now[1] - point[1]) - away.min()) < 1
            several += away.max() > away.min() + 6
    assert several > 50


@pytest.mark.parametrize("shape", [(0,), (0, 0), (0, 2), (0, 3), (0, 17, 3), (2, 0, 3)])
def test_there_may_be_no_points(shape: tuple[int, ...]) -> None:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    _, target = T.RandomHorizontalFlip(1.0)(image, {"keypoints": np.zeros(shape)})
    assert target["keypoints"].size == 0
    assert target["keypoints"].shape == (shape if shape[-1] in (2, 3) else (0, 2))


def test_points_without_numbers_are_refused() -> None:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"'keypoints' must be .* got shape \(2, 0\)"):
        T.RandomHorizontalFlip(1.0)(image, {"keypoints": [[], []]})
