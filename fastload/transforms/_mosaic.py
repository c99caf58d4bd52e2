"""Four images in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastload.transforms._checks import as_range, as_size
from fastload.transforms._geometry import Pad, RandomCrop, Resize
from fastload.transforms._joined import JoinedDataset, Parts, concatenate, maps_of, paste_maps
from fastload.transforms._kinds import array_of, as_it_came, image_like, size_of
from fastload.transforms._masks import Size

Cell = tuple[int, int, int, int]  # left, top, right, bottom


class Mosaic(JoinedDataset):
    """Samples of four images around a point that is drawn (Bochkovskiy et al., 2020), boxes and all in place.

    Each image is resized so that it just covers its part, and cut at random: nothing is empty, nothing out of shape.

    size: (height, width) of every sample, or one number for both. center_range: where the point may be, in parts of
    the sides. Objects that are cut are kept as ``boxes`` says: `BoxParams` with min_visibility.
    """

    def __init__(
        self,
        dataset: Any,
        size: Any = (640, 640),
        *,
        p: float = 1.0,
        center_range: tuple[float, float] = (0.3, 0.7),
        transform: Callable[..., Any] | None = None,
        boxes: Any = None,
    ) -> None:
        super().__init__(dataset, p, transform, boxes)
        self.size = as_size(size)
        if min(self.size) < 2:
            raise ValueError(f"size must be at least 2 by 2, a pixel for each of the four images; got {size!r}")
        self.center_range = as_range(center_range, "center_range", 0, lowest_counts=True)
        if self.center_range[1] > 1:
            raise ValueError(f"center_range must be parts of the sides, in [0, 1]; got {center_range!r}")

    def joined(self, sample: Any, draws: np.random.Generator) -> Any:
        height, width = self.size
        x, y = (
            min(max(1, round(float(draws.uniform(*self.center_range)) * side)), side - 1) for side in (width, height)
        )
        cells = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
        order = draws.permutation(4)
        found = self.parts_of_all([sample, *(self.drawn(draws) for _ in range(3))])
        tiles = [
            _tile(one, cells[place], int(draws.integers(1 << 63)), self.size)
            for one, place in zip(found, order, strict=True)
        ]
        image, moving, put = tiles[0]
        maps = maps_of([tile.moving for tile in tiles])
        pixels = array_of(image)
        canvas = np.empty((height, width, *pixels.shape[2:]), dtype=pixels.dtype)
        for place, tile in zip(order, tiles, strict=True):
            left, top, right, bottom = cells[place]
            window = np.s_[top:bottom, left:right]
            canvas[window] = array_of(tile.image)
            paste_maps(maps, moving, tile.moving, window, self.size)
        concatenate(moving, [tile.moving for tile in tiles[1:]])
        return put(as_it_came(image, image_like(image, canvas)))


def _tile(parts: Parts, cell: Cell, key: int, size: Size) -> Parts:
    """The image that fills the cell, and its targets where they are on a canvas of that (height, width)."""
    left, top, right, bottom = cell
    inner = bottom - top, right - left
    rows, columns = size_of(parts.image)
    scale = max(inner[0] / rows, inner[1] / columns)
    covering = [max(inner[0], round(rows * scale)), max(inner[1], round(columns * scale))]
    tile = parts.after((Resize(covering), RandomCrop(inner)), key)
    around = Pad([left, top, size[1] - right, size[0] - bottom]).moves(0)
    targets = tile.moving.native()
    around.move(0, *inner, targets)
    tile.moving.take(inner, size, lambda: around.shown_pixels(0, *inner, targets))
    tile.moving.written()
    return tile
