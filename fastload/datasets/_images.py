"""What data sets of images have in common: samples (image, label), made natively where the transform allows."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from fastload import _core, _stream
from fastload._errors import ForeignImageError
from fastload._gather import Allocate, as_index
from fastload._pillow import decode_with_pillow
from fastload.collate import is_default
from fastload.datasets._native_batch import Indices, NativeBatch
from fastload.io import MAX_PIXELS
from fastload.transforms import Transform
from fastload.transforms._plan import FilePlan


class ImageDataset(Dataset[Any]):
    """Sample ``i`` is (image ``i``, ``targets[i]``), each through its transform.

    A subclass sets ``targets``, ``transform`` and ``target_transform``, and says where the pixels come from:
    `_make_source` for native transforms, `load` for everything else. Both mean the same pixels.
    """

    draws_by_sample = True  # what is random here depends on which sample a loader makes
    image_mode = "RGB"  # or "L"
    apply_exif_orientation = False
    max_pixels: int | None = MAX_PIXELS
    native = True  # False: `load` is not what a native source would give

    targets: Any
    transform: Any = None
    target_transform: Callable[[Any], Any] | None = None

    _source: _core.ImageSource | None = None
    _planned: tuple[Any, FilePlan | None] = (None, None)  # a transform's chain, and the plan for it

    def _make_source(self) -> _core.ImageSource:
        """The images by number; asked for once in each process."""
        raise NotImplementedError

    def load(self, index: int) -> Any:
        """Image ``index`` as a PIL image of `image_mode`."""
        raise NotImplementedError

    @property
    def image_size(self) -> tuple[int, int] | None:
        """(height, width) if all images have the same."""
        return None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: Any) -> Any:
        number = self._number(index)
        return self._image(number), self.label(number)

    def target(self, number: int) -> Any:
        """What is known of image ``number``, before `target_transform`."""
        return self.targets[number]

    def label(self, number: int) -> Any:
        """What goes with image ``number``."""
        target = self.target(number)
        return target if self.target_transform is None else self.target_transform(target)

    def _image(self, number: int) -> Any:
        plan = self.file_plan()
        if plan is None:
            image = self.load(number)
            return image if self.transform is None else self.transform(image)
        key = _stream.sample_key() if plan.is_random else 0
        return plan.finish(self._made(plan, number, key), key)

    def _made(self, plan: FilePlan, number: int, key: int) -> NDArray[Any]:
        try:
            return plan.program.run_sample(self.source(), number, key)
        except ForeignImageError:
            path = getattr(self.source(), "path")(number)  # noqa: B009 - arrays have none, and are never foreign
        return plan.program.run(self.decode_foreign(path), key)

    def decode_foreign(self, path: str) -> NDArray[np.uint8]:
        """(H, W, C) pixels of a file that only Pillow reads."""
        limit = self.max_pixels or 0
        return decode_with_pillow(os.fsencode(path), None, self.image_mode, None, self.apply_exif_orientation, limit)

    def source(self) -> _core.ImageSource:
        """The images for native programs."""
        if self._source is None:
            self._source = self._make_source()
        return self._source

    def file_plan(self) -> FilePlan | None:
        """How the transform, as it is now, makes images natively; None: not at all."""
        transform = self.transform
        if not self.native or not isinstance(transform, Transform):
            return None
        chain = transform.chain()
        if self._planned[0] is not chain:
            self._planned = (chain, transform.file_plan(self.image_mode))
        return self._planned[1]

    def batch_plan(self) -> FilePlan | None:
        """The plan if whole batches can be made with it: tensors of one size, and samples are what this class says.

        A function for the targets is Python, which may draw, fail and take its time: a worker's business, as such.
        """
        kind = type(self)
        if kind.__getitem__ is not ImageDataset.__getitem__ or kind.label is not ImageDataset.label:
            return None
        if self.target_transform is not None:
            return None
        plan = self.file_plan()
        return None if plan is None or plan.batch_shape(self.image_size) is None else plan

    def makes_batches(self, collate_fn: Any) -> bool:
        """Whether `native_batch` gives what that function makes of samples."""
        return is_default(collate_fn) and self.batch_plan() is not None

    def native_batch(
        self, collate_fn: Any, indices: Indices, streams: Indices, seed: int, epoch: int, allocate: Allocate
    ) -> NativeBatch:
        """The samples ``indices``, begun; their random parameters depend on (seed, epoch, streams)."""
        return NativeBatch(self, self.batch_plan(), indices, streams, seed, epoch, allocate)

    def __getbatch__(self, indices: Any, allocate: Allocate) -> Any:
        """``default_collate([self[i] for i in indices])``, its images from ``allocate(shape, dtype)``.

        NotImplemented if that cannot be done natively, or ``indices`` is no list of ints. DecodeError, with the
        position in the batch, for an image that cannot be made.
        """
        index, in_hand = as_index(indices), _stream.batch_in_hand()
        plan = None if index is None else self.batch_plan()
        if index is None or plan is None:
            return NotImplemented
        if plan.is_random and not _stream.is_first_of_batch():
            return NotImplemented  # another view of the samples: their second keys are given one by one
        streams = index if in_hand is None else as_index(in_hand.indices)
        if streams is None or len(streams) != len(index):
            return NotImplemented
        seed, epoch = (_stream.drawn_key(), 0) if in_hand is None else (in_hand.seed, in_hand.epoch)
        batch = NativeBatch(self, plan, index, streams, seed, epoch, allocate)
        batch.make_here()
        error = next(iter(batch.errors().values()), None)
        if error is None:
            return batch.collated()
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    def _number(self, index: Any) -> int:
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"index {number} is out of bounds for {len(self)} images")
        return number % len(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_source": None, "_planned": (None, None)}
