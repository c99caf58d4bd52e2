"""torchvision's transforms (v2) in a chain, as they are."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload.transforms._base import Chain
from fastload.transforms._draws import DrawsFrom
from fastload.transforms._foreign import NO_VALUES, NOTHING, Foreign, Points
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._kinds import array_of, numbers_of, size_of, tensor_of
from fastload.transforms._masks import Size
from fastload.transforms._sample import HandedOut

_SELDOM_MOVED = tuple(getattr(torch, name) for name in ("uint16", "uint32", "uint64") if hasattr(torch, name))


def is_torchvision(step: Any) -> bool:
    """Whether this is a v2 transform, or several in a `torch.nn.Sequential`; not one whose call takes several parts."""
    module = sys.modules.get("torchvision.transforms.v2")  # who has one has imported it
    if module is None:
        return False
    if type(step) is torch.nn.Sequential:
        return len(step) > 0 and all(map(is_torchvision, step))
    return isinstance(step, module.Transform) and _takes_a_sample(step)


def _takes_a_sample(step: torch.nn.Module) -> bool:
    try:
        inspect.signature(step.forward).bind(None)
    except TypeError:
        return False
    return True


class TorchVision(Foreign):
    """What a v2 transform of torchvision makes of an image, and of the boxes, masks and key points with it.

    What takes transforms wraps those that it is given. Arrays, which torchvision knows not, are tensors in its hands,
    and arrays again afterwards, as (H, W) tensors are (H, W) again; but what `ToImage`, `ToPILImage` and the like make
    stays. Boxes stay in the sample's format, whatever torchvision converts them to. Nothing is drawn from torch's
    default generator, which other threads may draw from meanwhile. ValueError for what would drop points, or boxes
    with labels that it asks the user's own function for.
    """

    def __init__(self, transform: Any) -> None:
        super().__init__()
        _refuse(transform)
        self.theirs = transform

    def __repr__(self) -> str:
        return repr(self.theirs)

    def run_sample(self, handed: HandedOut, key: int, stream: int, chain: Chain) -> HandedOut:
        from torchvision.transforms import v2  # type: ignore[import-not-found,import-untyped,unused-ignore]

        if any(isinstance(part, v2.MixUp | v2.CutMix) for part in _parts_of(self.theirs)):  # of batches, with labels
            return HandedOut(self._seeded(handed.whole, _core.sample_key(key, stream, 0) & 0xFFFFFFFF), None)
        return super().run_sample(handed, key, stream, chain)

    def apply_seeded(
        self, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any] = NO_VALUES
    ) -> tuple[Any, InPixels]:
        from torchvision import tv_tensors  # type: ignore[import-not-found,import-untyped,unused-ignore]

        sent = tv_tensors.Image(tensor_image(image)) if _is_plain(image) else image
        if targets is NOTHING:  # and none are sent, for some take images alone
            return self._as_it_was(image, self._seeded(sent, seed)), targets
        self._refuse_targets()
        size = size_of(image)
        points = Points(targets, size)
        sample = {"image": sent, **_sent(targets, points, size)}
        made = self._seeded(sample, seed)
        result = self._as_it_was(image, made["image"])
        edges, numbers = np.zeros_like(targets.edges), made["labels"].numpy()
        kept = np.zeros(len(edges), dtype=bool)
        boxes = self._edges(made["boxes"])
        if len(boxes) != len(numbers):
            raise ValueError(
                f"{len(edges)} boxes went into the transform with their labels, and {len(boxes)} came out with "
                f"{len(numbers)} labels: boxes may be dropped with their labels alone"
            )
        edges[numbers], kept[numbers] = boxes, True
        places = np.concatenate([made[name].as_subclass(torch.Tensor).numpy() for name in ("points", "corners")])
        after = size_of(result)
        planes = [_plane_of(made[_name_of(number)], after) for number in range(len(targets.masks))]
        return result, points.returned(places, edges, kept, planes, after)

    def _as_it_was(self, before: Any, made: Any) -> Any:
        """A (C, H, W) tensor as an array if it was one, and without an axis for channels if it had none.

        What makes several of an image, as `FiveCrop` and `TenCrop` do, makes each so.
        """
        from torchvision.transforms import v2

        if isinstance(made, tuple | list):
            return type(made)(self._as_it_was(before, one) for one in made)
        if not (_is_plain(before) and isinstance(made, torch.Tensor)):
            return made
        made = made.as_subclass(torch.Tensor)
        makes_tensors = v2.ToImage | v2.PILToTensor | v2.ToTensor | v2.ToPureTensor
        if any(isinstance(part, makes_tensors) for part in _parts_of(self.theirs)):
            return made
        if isinstance(before, np.ndarray):
            array = array_of(made)
            return array[:, :, 0] if before.ndim == 2 and array.shape[2] == 1 else array
        return made[0] if before.ndim == 2 and made.shape[0] == 1 else made

    def _edges(self, boxes: torch.Tensor) -> NDArray[np.float64]:
        """left, top, right, bottom of boxes in whatever format they have come out."""
        from torchvision.transforms import v2

        made_in = getattr(boxes, "format", None)
        if made_in is None:  # plain tensors do not tell
            conversions = [part for part in _parts_of(self.theirs) if isinstance(part, v2.ConvertBoundingBoxFormat)]
            made_in = conversions[-1].format if conversions else "XYXY"
        plain = boxes.as_subclass(torch.Tensor)
        edges: torch.Tensor = v2.functional.convert_bounding_box_format(plain, made_in, "XYXY")
        return edges.double().numpy()

    def _seeded(self, sent: Any, seed: int) -> Any:
        try:
            with DrawsFrom(seed):
                return self.theirs(sent)
        except NotImplementedError as error:
            _explain(sent, error)
            raise

    def _refuse_targets(self) -> None:
        from torchvision.transforms import v2

        for part in _parts_of(self.theirs):
            if isinstance(part, v2.AutoAugment | v2.RandAugment | v2.TrivialAugmentWide | v2.AugMix):
                name = type(part).__name__
                raise TypeError(
                    f"torchvision's {name} takes images alone, and this sample has boxes, masks or key points: give "
                    f"fastload's T.{name} in its place, which takes them all"
                )


def _refuse(transform: Any) -> None:
    from torchvision.transforms import v2

    for part in _parts_of(transform):
        if isinstance(part, v2.SanitizeBoundingBoxes) and getattr(part, "labels_getter", "default") != "default":
            raise ValueError(
                f"v2.SanitizeBoundingBoxes(labels_getter={part.labels_getter!r}) cannot find the labels of fastload's "
                "samples: T.SanitizeBoundingBoxes() of fastload drops all that belongs to a box, and needs none"
            )
        if isinstance(part, getattr(v2, "SanitizeKeyPoints", ())):
            raise ValueError(
                "v2.SanitizeKeyPoints drops points, and fastload's samples keep them in their number and order: leave "
                "it out: those outside of the image have a visibility of 0 where they have any"
            )


def _explain(sent: Any, error: NotImplementedError) -> None:
    """TypeError where a part of the sample has numbers that torch moves in some ways alone."""
    parts = sent if isinstance(sent, dict) else {"image": sent}
    for name, part in parts.items():
        if isinstance(part, torch.Tensor) and part.dtype in _SELDOM_MOVED:
            what = "images" if name == "image" else "masks"
            raise TypeError(
                f"torchvision cannot do this to {what} of {part.dtype} ({error}): convert them to a type "
                "that holds their numbers, such as torch.int32, or give fastload's own transform in its place"
            ) from error


def _sent(targets: InPixels, points: Points, size: Size) -> dict[str, Any]:
    from torchvision import tv_tensors

    from fastload.transforms._torchvision_corners import Corners

    places, own = torch.from_numpy(points.sent), len(targets.points)
    sent = {
        "boxes": tv_tensors.BoundingBoxes(torch.from_numpy(points.edges), format="XYXY", canvas_size=size),
        "points": tv_tensors.KeyPoints(places[:own], canvas_size=size),
        "corners": Corners(places[own:], canvas_size=size),
        "labels": torch.arange(len(targets.edges)),
    }
    for number, mask in enumerate(targets.masks):
        # Alone, and no axis as long as there are boxes: what drops boxes would take it for one of theirs.
        plane = torch.from_numpy(np.require(mask, requirements=["C", "W"]))
        sent[_name_of(number)] = tv_tensors.Mask(plane[None] if len(plane) == len(targets.edges) else plane)
    return sent


def _name_of(number: int) -> str:
    return f"mask {number}"


def _plane_of(mask: torch.Tensor, size: Size) -> NDArray[Any]:
    plane = numbers_of(mask)
    if plane.shape not in (size, (1, *size)):
        raise ValueError(f"a mask must be {size} as its image is (height x width), one came out as {plane.shape}")
    return plane.reshape(size)


def tensor_image(image: Any) -> torch.Tensor:
    """(C, H, W) of an array (H, W) or (H, W, C); tensors as they are."""
    if isinstance(image, torch.Tensor):
        return image
    return tensor_of(image if image.ndim == 3 else image[:, :, None]).permute(2, 0, 1).contiguous()


def _is_plain(image: Any) -> bool:
    return isinstance(image, np.ndarray) or type(image) is torch.Tensor


def _parts_of(step: Any) -> Iterator[Any]:
    """The transform, or those that it holds, in order."""
    members = step if isinstance(step, torch.nn.Sequential) else getattr(step, "transforms", None)
    if members is None:
        yield step
    else:
        for member in members:
            yield from _parts_of(member)
