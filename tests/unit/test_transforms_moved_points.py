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
