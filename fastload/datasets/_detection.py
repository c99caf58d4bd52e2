"""What data sets of images with objects in them have in common: (image, target), transformed together."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from fastload import _stream
from fastload._errors import ForeignImageError
from fastload._gather import Allocate
from fastload.collate import DetectionCollate
from fastload.datasets._detection_batch import DetectionBatch
from fastload.datasets._files import ImageFileDataset
from fastload.datasets._native_batch import Indices, NativeBatch
from fastload.transforms import Compose, Transform
from fastload.transforms._base import said_of_boxes
from fastload.transforms._foreign import Foreign
from fastload.transforms._plan import FilePlan, FileSample
from fastload.transforms._wrapping import Wrappers

Target = TypeVar("Target", bound=Callable[..., Any])


def in_any_thread(target: Target) -> Target:
    """Marks a `DetectionDataset.target` that reads and nothing else: it draws nothing, and asks for no worker."""
    target.in_any_thread = True  # type: ignore[attr-defined]
    return target


class DetectionDataset(ImageFileDataset):
    """Sample ``i`` is (image ``i``, `target` of ``i``).

    transforms: a function of both, as in torchvision: ``transforms(image, target)``. With one of fastload's, the image
    is made natively, straight from the file, and boxes, masks and key points of the target move with it.
    Or transform, of the image alone, which must not move it beside boxes, and target_transform, of the target.
    box_format: how the boxes of targets are written, if it is known. A chain of fastload's that takes them in another
    way is a ValueError then; transforms of other libraries are given them as they take them.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transforms: Callable[..., Any] | None,
        transform: Callable[..., Any] | None,
        target_transform: Callable[[Any], Any] | None,
        box_format: str | None = None,
        **options: Any,
    ) -> None:
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("pass either transforms, of image and target, or transform and target_transform")
        super().__init__(transform, target_transform, **options)
        self.root = os.path.expanduser(os.fspath(root))
        self.transforms = transforms
        self.box_format = box_format
        self._check_format()
        self._wrappers = Wrappers()
        self._of_others: tuple[Any, Compose | None] = (None, None)
        self._joint: tuple[Any, FilePlan | None] = (None, None)

    def target(self, number: int) -> Any:
        """What is known of image ``number``, before any transform; a new object each time."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        number = self._number(index)
        if self.transforms is None:
            return self._image(number), self.label(number)
        target = self.target(number)
        plan = self._joint_plan()
        if plan is None:
            return self._joint_step()(self.load(number), target)
        key = _stream.sample_key() if plan.is_random else 0
        sample = plan.sample((None, target), 0)
        return plan.finish_sample(self._made_with(plan, number, key, sample), key, sample)

    def is_unchanged(self) -> bool:
        """Whether samples and their targets are as fastload's class makes them, and not as a subclass does."""
        kind = type(self)
        return kind.__getitem__ is DetectionDataset.__getitem__ and hasattr(kind.target, "in_any_thread")

    def makes_batches(self, collate_fn: Any) -> bool:
        """Whether `native_batch` gives what that function makes of samples: tensors of one size, with their targets."""
        return self.is_unchanged() and type(collate_fn) is DetectionCollate and self._joint_batch_plan() is not None

    def native_batch(
        self, collate_fn: Any, indices: Indices, streams: Indices, seed: int, epoch: int, allocate: Allocate
    ) -> NativeBatch:
        """The samples ``indices``, begun; their random parameters depend on (seed, epoch, streams)."""
        return DetectionBatch(self, self._joint_batch_plan(), collate_fn, indices, streams, seed, epoch, allocate)

    def _check_format(self) -> None:
        said = said_of_boxes(self.transforms) if isinstance(self.transforms, Transform) else None
        if None in (said, self.box_format) or isinstance(self.transforms, Foreign):
            return
        assert said is not None
        if said.plain_format != self.box_format:
            raise ValueError(
                f"the boxes of {type(self).__name__} are {self.box_format}, and transforms takes them as "
                f"{said.format}: make it with boxes={self.box_format!r}, or leave that out"
            )

    def _joint_step(self) -> Any:
        """``transforms``, as it is now; another library's with boxes as they are written here."""
        assert self.transforms is not None
        step = self._wrappers.of(self.transforms)
        if self.box_format is None or not isinstance(step, Foreign):
            return step
        if self._of_others[0] is not step:
            self._of_others = (step, Compose([step], boxes=self.box_format))
        return self._of_others[1]

    def _joint_batch_plan(self) -> FilePlan | None:
        plan = self._joint_plan()
        return None if plan is None or plan.batch_shape(self.image_size) is None else plan

    def _made_with(self, plan: FilePlan, number: int, key: int, sample: FileSample) -> Any:
        try:
            return plan.program.run_sample(self.source(), number, key, sample.targets)
        except ForeignImageError:
            return plan.program.run(self.decode_foreign(self.paths[number]), key, sample.targets)

    def _joint_plan(self) -> FilePlan | None:
        """How ``transforms``, as it is now, makes images natively; None: not at all."""
        if not self.native or not isinstance(self.transforms, Transform):
            return None
        chain = self.transforms.chain()
        if self._joint[0] is not chain:
            self._joint = (chain, self.transforms.file_plan(self.image_mode))
        return self._joint[1]

    def __repr__(self) -> str:
        """torchvision's."""
        lines = [f"Number of datapoints: {len(self)}", f"Root location: {self.root}"]
        if self.transforms is not None:
            lines.append(repr(self.transforms))
        elif self.transform is not None or self.target_transform is not None:
            lines.append("StandardTransform")
            lines[-1] += _after("\nTransform: ", self.transform) + _after("\nTarget transform: ", self.target_transform)
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_joint": (None, None), "_of_others": (None, None)}


def _after(head: str, transform: Any) -> str:
    """The representation behind the head, its further lines below its first one; nothing for no transform."""
    return "" if transform is None else head + repr(transform).replace("\n", "\n" + " " * len(head.lstrip()))
