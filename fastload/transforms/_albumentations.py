"""Albumentations' transforms in a chain."""

from __future__ import annotations

import copy
import importlib.metadata
import sys
import threading
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastload.transforms._albumentations_corners import move_between_pixels
from fastload.transforms._asked import answers, asked_by, leaves_of, movable
from fastload.transforms._boxes import BoxParams
from fastload.transforms._copies import Copies
from fastload.transforms._foreign import NO_VALUES, Foreign, Points, labels_of, values_of, within
from fastload.transforms._in_pixels import InPixels
from fastload.transforms._kinds import image_like, size_of

_LABELS, _NUMBERS, _CORNERS = "fastload_labels", "fastload_numbers", "fastload_corners"
_filters = threading.Lock()  # of warnings, which are the whole process's: of two threads, one may lose its own
_WIDE = (np.int64, np.uint64)
_NO_LABEL = -0.5  # which no class has for its number; some transforms make whole numbers of boxes, and refuse NaN


def is_albumentations(step: Any) -> bool:
    library = sys.modules.get("albumentations")  # who has one has imported it
    return library is not None and isinstance(step, _kinds_of(library))


def _kinds_of(library: Any) -> tuple[type, ...]:
    return library.core.composition.BaseCompose, library.BasicTransform


class Albumentations(Foreign):
    """What a transform of Albumentations makes of an image: boxes, masks and key points go with it.

    What takes transforms wraps those that it is given. transform: an ``A.Compose`` or any other. Of its ``bbox_params``
    the filters count. How boxes are written is said as for all of fastload's transforms, by the ``boxes`` of the chain
    that this is part of; by itself, it is the format of ``bbox_params``. Results depend on (seed, epoch, index) of the
    sample alone.

    Boxes have the sample's labels, by the name that ``label_fields`` begins with, or ``labels`` or ``label``, for
    `ConstrainedCoarseDropout`. Those of which nothing is in the image are dropped before. Key points that
    Albumentations loses, as its bending transforms do, are put at (-1, -1) and are no longer visible;
    ``keypoint_remapping_method="direct"`` keeps them.

    PIL images must be L, LA, RGB, RGBA, I or F: others, such as palettes, must be converted first. Floats of several
    channels come out of them as an array.

    What some transforms ask for beside these (a ``cropping_bbox``, metadata) is handed to them from the sample's dict
    by its key. It is as it is there, of the image as it is by then: no step moves it. A ``cropping_bbox_key`` of
    "boxes" is the sample's only box, which moves; the "mask" is the sample's, or its only one.

    Raises TypeError for anything but a transform of Albumentations, ImportError if that is not installed, or is older
    than 1.4.21, where a transform could not be seeded for each sample. ValueError for ``additional_targets``, since one
    image moves; and, with a sample that has boxes, in a chain that is not told how they are written, if ``bbox_params``
    say another format than "xyxy".
    """

    def __init__(self, transform: Any) -> None:
        super().__init__()
        try:
            import albumentations as library  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ImportError("Albumentations needs the package albumentations: pip install albumentations") from error
        if not hasattr(library.Compose, "set_random_seed"):
            installed = importlib.metadata.version("albumentations")
            raise ImportError(f"albumentations must be 1.4.21 or newer, this is {installed}")
        if not isinstance(transform, _kinds_of(library)):
            raise TypeError(f"transform must be one of Albumentations, such as A.Compose([...]), got {transform!r}")
        _refuse_images_beside(transform)
        self.theirs = transform
        own = _params_of(library, transform)
        if own is not None:
            self.box_params = BoxParams(own.format)
        self._certain: tuple[Any, ...] = (None,)  # in a tuple it is no child of this module
        self._copies = Copies(transform, _kinds_of(library), _Ready)

    def extra_repr(self) -> str:
        return str(self.theirs)

    def certain(self) -> Foreign:
        version = self._copies.version(self.theirs)
        if self._certain[0] is not version:  # one for all samples: its copies are dear
            self._certain = version, super().certain()
        certain: Foreign = self._certain[1]
        return certain

    def apply_seeded(
        self, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any] = NO_VALUES
    ) -> tuple[Any, InPixels]:
        ready: _Ready = self._copies.own(self.theirs)
        if ready.alone is not None and not len(targets.edges) and not len(targets.points):
            return _without_boxes(ready, image, targets, seed, values)
        ready.whole.set_random_seed(seed)
        points = Points(targets, size_of(image))
        numbered = np.column_stack([points.sent, np.arange(len(points.sent))])
        middle, shown = len(targets.points), np.flatnonzero(_are_boxes(targets.edges, size_of(image)))
        levels = values_of(image)
        sent: dict[str, Any] = {
            "image": _in_32_bits(levels),
            "bboxes": points.edges[shown],
            _LABELS: ready.labels_in(values, len(points.edges))[shown],
            _NUMBERS: shown,
            # Two lists: where points are close together, some transforms keep only the last one of a list.
            "keypoints": numbered[:middle],
            _CORNERS: numbered[middle:],
        }
        if targets.masks:
            sent["masks"] = [movable(mask) for mask in targets.masks]
        made = ready.whole(**sent, **answers(ready.asked, sent, values, image, targets))
        result = image_like(image, _as_wide(made["image"], levels))
        edges, kept = np.zeros_like(targets.edges), np.zeros(len(targets.edges), dtype=bool)
        numbers = np.asarray(made[_NUMBERS], dtype=np.int64)
        if len(numbers):
            rows = np.asarray(made["bboxes"], dtype=np.float64)[:, :4]
            edges[numbers], kept[numbers] = rows, True
            np.minimum.at(edges[:, :2], numbers, rows[:, :2])  # where an object was cut into parts, the box of all
            np.maximum.at(edges[:, 2:], numbers, rows[:, 2:])
        places = np.full_like(points.sent, np.nan)
        for name in ("keypoints", _CORNERS):
            rows = np.asarray(made[name], dtype=np.float64).reshape(-1, 3)
            places[rows[:, 2].astype(np.int64)] = rows[:, :2]
        # Each corner has gone with another part.
        places[points.corners].reshape(-1, 4, 2)[np.bincount(numbers, minlength=len(edges)) > 1] = np.nan
        masks = _masks_of(made, targets)
        return result, points.returned(places, edges, kept, masks, size_of(result))


def _refuse_images_beside(transform: Any) -> None:
    beside = getattr(transform, "additional_targets", None)
    if beside:
        raise ValueError(
            f"additional_targets={beside!r} would not move, and neither would they in other steps: put masks into the "
            "sample's masks, or call this Compose, on other images too, in a function of your own: "
            "lambda sample: transform(**sample)"
        )
    members = getattr(transform, "transforms", None)
    for member in members if isinstance(members, list | tuple) else ():
        _refuse_images_beside(member)


class _Ready:
    """A copy of a transform, ready to be called with all that samples have."""

    def __init__(self, transform: Any) -> None:
        import albumentations as library

        mine = copy.deepcopy(transform)  # a Compose changes those in it
        own = _params_of(library, transform)
        self._fields = tuple((own and own.label_fields) or ())[:1]  # of several, Albumentations takes the first
        self._numbers = _numbered_texts(mine)
        self.whole = _with_targets(library, mine)
        self.asked = asked_by(transform)
        # For samples without boxes and key points, where some of it takes none.
        takes_all = not _refuses_boxes(library, transform)
        self.alone = None if takes_all else _composed(library, copy.deepcopy(transform))

    def labels_in(self, values: Mapping[Any, Any], count: int) -> NDArray[np.float64]:
        """The sample's labels as numbers, which is all that Albumentations has beside a box."""
        labels = labels_of(values, count, self._fields)
        numbers = [
            label if isinstance(label, int | float) else self._numbers.get(str(label), _NO_LABEL) for label in labels
        ]
        return np.array(numbers, dtype=np.float64)


def _numbered_texts(transform: Any) -> dict[str, float]:
    """Numbers for the texts that transforms look for among labels, and are told to look for instead.

    Albumentations would number the texts that it meets: others in each process, and an error for one it has not met.
    """
    numbers: dict[str, float] = {}
    for one in leaves_of(transform):
        wanted = getattr(one, "bbox_labels", None) or ()
        for label in wanted:
            if isinstance(label, str):
                numbers.setdefault(label, _NO_LABEL - 1 - len(numbers))
        if wanted:
            one.bbox_labels = [numbers[label] if isinstance(label, str) else label for label in wanted]
    return numbers


def _without_boxes(
    ready: _Ready, image: Any, targets: InPixels, seed: int, values: Mapping[Any, Any]
) -> tuple[Any, InPixels]:
    alone: Any = ready.alone
    alone.set_random_seed(seed)
    levels = values_of(image)
    sent: dict[str, Any] = {"image": _in_32_bits(levels)}
    if targets.masks:
        sent["masks"] = [movable(mask) for mask in targets.masks]
    made = alone(**sent, **answers(ready.asked, sent, values, image, targets))
    return image_like(image, _as_wide(made["image"], levels)), replace(targets, masks=_masks_of(made, targets))


def _params_of(library: Any, transform: Any) -> Any:
    """The bbox_params of a Compose, if it has any."""
    own = transform.processors.get("bboxes") if isinstance(transform, library.Compose) else None
    return None if own is None else own.params


def _composed(library: Any, transform: Any, **options: Any) -> Any:
    """A Compose that does the same."""
    is_plain = type(transform) is library.Compose
    members, p = (transform.transforms, transform.p) if is_plain else ([transform], 1.0)
    return library.Compose(members, p=p, **options)


def _refuses_boxes(library: Any, transform: Any) -> bool:
    """Whether there is a transform of Albumentations that fails wherever boxes are sent, if only none of them."""
    dual = library.DualTransform
    return any(
        isinstance(one, dual) and type(one).apply_to_bboxes is dual.apply_to_bboxes for one in leaves_of(transform)
    )


def _in_32_bits(levels: NDArray[Any]) -> NDArray[Any]:
    """The same numbers: OpenCV makes int32 of whole numbers of 64 bits, and cuts them off. ValueError for such."""
    if levels.dtype not in _WIDE:
        return levels
    cut_off = levels[levels != levels.astype(np.int32)]
    if cut_off.size:
        raise ValueError(
            f"Albumentations takes whole numbers of 32 bits, this image of {levels.dtype} has {cut_off.flat[0]}: "
            "convert it to float32 or float64"
        )
    return levels.astype(np.int32)


def _as_wide(made: Any, before: NDArray[Any]) -> Any:
    """An image of whole numbers of 32 bits in 64, where it had them before."""
    return made.astype(before.dtype) if before.dtype in _WIDE and made.dtype == np.int32 else made


def _masks_of(made: Any, targets: InPixels) -> list[NDArray[Any]]:
    planes = [np.asarray(mask) for mask in made.get("masks", ())]
    return [
        plane.reshape(plane.shape[:2]).astype(mask.dtype) for plane, mask in zip(planes, targets.masks, strict=True)
    ]


def _are_boxes(edges: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes have an area in the image, in the float32 that Albumentations counts in."""
    parts = (within(edges, size) / np.array([size[1], size[0]] * 2)).astype(np.float32)
    are: NDArray[np.bool_] = (parts[:, 2:] > parts[:, :2]).all(axis=1)
    return are


def _with_targets(library: Any, transform: Any) -> Any:
    """The transform in a Compose whose targets are in pixels, numbered, and all kept as long as it may keep them."""
    names = ("min_area", "min_visibility", "min_width", "min_height", "check_each_transform", "max_accept_ratio")
    own = _params_of(library, transform)
    filters = {} if own is None else {name: getattr(own, name) for name in names if hasattr(own, name)}
    with _filters, warnings.catch_warnings():  # of targets that a change of colours leaves where they are
        warnings.filterwarnings("ignore", "Got processor for .*, but no transform to process it", UserWarning)
        composed = _composed(
            library,
            transform,
            bbox_params=library.BboxParams(format="pascal_voc", label_fields=[_LABELS, _NUMBERS], clip=True, **filters),
            keypoint_params=library.KeypointParams(format="xy", remove_invisible=False),
            additional_targets={_CORNERS: "keypoints"},
        )
    move_between_pixels(library, composed, _CORNERS)
    return composed
