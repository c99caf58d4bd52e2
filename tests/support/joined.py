"""Samples of objects painted in colours of their own, and the check of one that is made of several."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from fastload import transforms as T
from support.painted import colour_of, grid_of_boxes

SIZES = [(120, 160), (200, 150), (100, 100), (90, 230), (150, 150), (64, 64)]

FIELDS = T.BoxParams(fields=("labels", "names", "iscrowd"))  # nearly all images have two objects, and two names


class Painted(torch.utils.data.Dataset[Any]):
    """Images of two objects each, whose colours and labels are theirs alone."""

    def __init__(self, kind: str = "array", segments: bool = False) -> None:
        self.kind = kind
        self.segments = segments

    def __len__(self) -> int:
        return len(SIZES)

    def __getitem__(self, index: int) -> Any:
        height, width = SIZES[index]
        boxes = grid_of_boxes(height, width, 26, 5)[:2]
        image = np.full((height, width, 3), 90, dtype=np.uint8)
        for number, (left, top, right, bottom) in enumerate(boxes):
            image[top:bottom, left:right] = colour_of(2 * index + number)
        labels = torch.tensor([2 * index + number for number in range(len(boxes))])
        masks = np.stack([(image == colour_of(int(label))).all(axis=-1) for label in labels])
        middles = [[[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 2]] for box in boxes]
        target = {
            "image_id": index,
            "boxes": torch.tensor(boxes, dtype=torch.float32),
            "labels": labels,
            "masks": torch.from_numpy(masks.astype(np.uint8)),
            "keypoints": torch.tensor(middles, dtype=torch.float32),
            "names": [f"object {label}" for label in labels.tolist()],
        }
        if self.segments:
            target["segmentation_mask"] = torch.from_numpy((image != 90).any(axis=-1).astype(np.int64))
        return self.as_kind(image), target

    def as_kind(self, image: Any) -> Any:
        if self.kind == "pil":
            return Image.fromarray(image)
        return torch.from_numpy(image).permute(2, 0, 1).contiguous() if self.kind == "tensor" else image


def pasting(data: Any, **options: Any) -> Any:
    """All objects of another sample are pasted, always."""
    return T.CopyPaste(data, p=1.0, p_object=1.0, **{"boxes": FIELDS, **options})


def as_array(image: Any) -> Any:
    return image.permute(1, 2, 0).numpy() if isinstance(image, torch.Tensor) else np.asarray(image)


def check(image: Any, target: Any, slack: float) -> None:
    pixels = as_array(image)
    labels = target["labels"].tolist()
    assert target["names"] == [f"object {label}" for label in labels]
    assert target["masks"].shape == (len(labels), *pixels.shape[:2])
    assert target["keypoints"].shape == (len(labels), 1, 3)
    for number, (label, box) in enumerate(zip(labels, target["boxes"].tolist(), strict=True)):
        assert 0 <= box[0] < box[2] <= pixels.shape[1]
        assert 0 <= box[1] < box[3] <= pixels.shape[0]
        inside = target["masks"][number].numpy() > 0
        if min(box[2] - box[0], box[3] - box[1]) < 6:
            continue  # too little is left of it to keep its colour
        core = pixels[inside & (np.abs(pixels.astype(int) - colour_of(label)).max(axis=-1) < 40)]
        assert len(core) > 0.5 * inside.sum(), (label, box)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        extent = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert np.abs(np.subtract(extent, box)).max() <= slack, (label, extent, box)
