"""SanitizeBoundingBoxes: which boxes it keeps, and that all of their objects go with the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

IMAGE = np.zeros((40, 60, 3), np.uint8)
SMALL, LONG, LARGE, OUTSIDE = [5.0, 5, 9, 9], [5.0, 5, 15, 7], [5.0, 5, 25, 25], [50.0, 30, 61, 38]
BOXES = [SMALL, LONG, LARGE, OUTSIDE]  # of 16, 20 and 400 pixels, and beyond the border


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, [0, 1, 2]),
        ({"min_area": 16}, [0, 1, 2]),
        ({"min_area": 16.5}, [1, 2]),
        ({"min_area": 20}, [1, 2]),
        ({"min_area": 21}, [2]),
        ({"min_area": 401}, []),
        ({"min_size": 2}, [0, 1, 2]),
        ({"min_size": 2.5}, [0, 2]),
        ({"min_size": 4, "min_area": 17}, [2]),
    ],
)
@pytest.mark.parametrize("box_format", ["xyxy", "xyxy_normalized", "xyxyxyxy"])
def test_small_boxes_go_with_all_that_belongs_to_them(limits: dict[str, Any], kept: list[int], box_format: str) -> None:
    rows = torch.tensor(BOXES, dtype=torch.float64)
    written = {
        "xyxy": rows,
        "xyxy_normalized": rows / torch.tensor([60, 40, 60, 40]),
        "xyxyxyxy": rows[:, [0, 1, 2, 1, 2, 3, 0, 3]],
    }[box_format]
    masks = torch.arange(4, dtype=torch.uint8)[:, None, None].expand(4, 40, 60)
    target = {"boxes": written, "labels": ["a", "b", "c", "d"], "masks": masks}
    _, left = T.Compose([T.SanitizeBoundingBoxes(**limits)], boxes=box_format)(IMAGE, target)
    assert torch.allclose(left["boxes"], written[kept])
    assert left["labels"] == [target["labels"][number] for number in kept]
    assert left["masks"][:, 0, 0].tolist() == kept
