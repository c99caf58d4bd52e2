"""One batch of images with objects in them, made natively: the targets move with the image, in the same thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastload import _core
from fastload._errors import ForeignImageError
from fastload._gather import Allocate
from fastload.collate import DetectionCollate
from fastload.datasets._native_batch import _MASK64, Indices, NativeBatch
from fastload.transforms._plan import FilePlan

if TYPE_CHECKING:
    from fastload.datasets._detection import DetectionDataset


class DetectionBatch(NativeBatch):
    """Samples (image, target) as the data set gives them, one image after the other in one tensor.

    Reading a target and writing it down again is Python, and takes a tenth of the time that the image takes.
    """

    by_turns = True

    def __init__(
        self,
        dataset: DetectionDataset,
        plan: FilePlan | None,
        collate: DetectionCollate,
        indices: Indices,
        streams: Indices,
        seed: int,
        epoch: int,
        allocate: Allocate,
    ) -> None:
        super().__init__(dataset, plan, indices, streams, seed, epoch, allocate)
        assert plan is not None
        self._objects, self._plan, self._collate = dataset, plan, collate
        self._keys = [_core.sample_key(seed & _MASK64, epoch, stream & _MASK64) for stream in streams.tolist()]
        self._samples: list[Any] = [None] * len(indices)
        self._errors: dict[int, Exception] = {}

    def attend(self, position: int) -> None:
        """It is the sample's turn."""
        try:
            self._samples[position] = self._made(position)
        except Exception as error:
            self._errors[position] = error.with_traceback(None)  # which holds this frame, and so the batch
        finally:
            self.job.settle()

    def _made(self, position: int) -> Any:
        number = int(self.indices[position])
        sample = self._plan.sample((None, self._objects.target(number)), 0)
        try:
            self.job.make_with(position, sample.targets)
        except ForeignImageError:
            pixels = self._objects.decode_foreign(self.job.path(position))
            self.job.make_with(position, sample.targets, pixels)
        return self._plan.with_image(self.images[position], self._keys[position], sample)

    def errors(self) -> dict[int, Exception]:
        return dict(sorted(self._errors.items()))

    def sample(self, position: int) -> Any:
        return self._samples[position]

    def collated(self) -> Any:
        """The batch as its `DetectionCollate` makes it of the samples."""
        return self._collate.with_images(self.images, self._samples)
