"""Four images in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastload.transforms._boxes import BoxParams
from fastload.transforms._checks import as_range, as_size
from fastload.transforms._geometry import Pad, RandomCrop, Resize
from fastload.transforms._joined import JoinedDataset, concatenate, maps_of, paste_maps
from fastload.transforms._kinds import array_of, as_it_came, image_like, size_of
from fastload.transforms._plan import Compose

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
        samples = [sample, *(self.drawn(draws) for _ in range(3))]
        self.check_alike(samples)
        params = self.params_for(samples)
        tiles = [
            self._tile(one, cells[place], int(draws.integers(1 << 63)), params)
            for one, place in zip(samples, order, strict=True)
        ]
        image, moving, put = tiles[0]
        maps = maps_of([tile[1] for tile in tiles])
        canvas = array_of(image).copy()
        for place, (other, other_moving, _) in zip(order[1:], tiles[1:], strict=True):
            left, top, right, bottom = cells[place]
            window = np.s_[top:bottom, left:right]
            canvas[window] = array_of(other)[window]
            paste_maps(maps, moving, other_moving, window, self.size)
        concatenate(moving, [tile[1] for tile in tiles[1:]])
        return put(as_it_came(image, image_like(image, canvas)))

    def _tile(self, sample: Any, cell: Cell, key: int, params: BoxParams) -> Any:
        """The sample in its place in an image of the whole size."""
        left, top, right, bottom = cell
        image = self.parts(sample)[0]
        rows, columns = size_of(image)
        scale = max((bottom - top) / rows, (right - left) / columns)
        covering = [max(bottom - top, round(rows * scale)), max(right - left, round(columns * scale))]
        height, width = self.size
        chain = Compose(
            [
                Resize(covering),
                RandomCrop((bottom - top, right - left)),
                Pad([left, top, width - right, height - bottom]),
            ],
            boxes=params,
        )
        return self.parts(chain.chain().run(sample, key), params)
