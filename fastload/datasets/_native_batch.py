"""One batch of an image data set, made by a native program in whatever threads work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastload import _core
from fastload._errors import DecodeError
from fastload._gather import Allocate
from fastload.collate import default_collate
from fastload.transforms._plan import FilePlan

if TYPE_CHECKING:
    from fastload.datasets._images import ImageDataset

Indices = NDArray[np.int64]
_MASK64 = (1 << 64) - 1


class NativeBatch:
    """The samples ``indices`` of ``dataset``, under the keys that (seed, epoch, streams) give.

    job: for an `_core.ImageQueue`; `attend` does what that asks for. When it is done, `errors` and `collated` tell.
    """

    by_turns = False  # whether `attend` makes each sample

    def __init__(
        self,
        dataset: ImageDataset,
        plan: FilePlan | None,
        indices: Indices,
        streams: Indices,
        seed: int,
        epoch: int,
        allocate: Allocate,
    ) -> None:
        if plan is None:
            raise RuntimeError(
                "the data set no longer makes whole batches natively: its transform was changed after the loader's "
                "threads had started; change it before iter(loader), without persistent_workers"
            )
        shaped = plan.batch_shape(dataset.image_size)
        assert shaped is not None
        shape, dtype = shaped
        length = len(dataset)
        if int(indices.min()) < -length or int(indices.max()) >= length:
            raise IndexError(f"an index of {indices.tolist()} is out of bounds for {length} images")
        self._dataset = dataset
        self.indices = np.where(indices < 0, indices + length, indices)
        channels, height, width = shape
        rows = (height, width, channels) if plan.channels_last else shape
        memory = allocate((len(indices), *rows), dtype)
        self.images = memory.permute(0, 3, 1, 2) if plan.channels_last else memory
        self.job = _core.ImageJob(
            plan.program, dataset.source(), self.indices, streams, seed & _MASK64, epoch, memory, self.by_turns
        )

    def make_here(self) -> None:
        """All of it, in the calling thread."""
        queue = _core.ImageQueue()
        queue.push(self.job)
        queue.drain()
        while (event := queue.work()) is not None:
            if event[1] >= 0:
                self.attend(event[1])

    def attend(self, position: int) -> None:
        """The sample's file is for Pillow."""
        try:
            pixels = self._dataset.decode_foreign(self.job.path(position))
            self.job.give(position, pixels)
        except DecodeError as error:
            self.job.fail(position, error.reason)
        except Exception as error:
            self.job.fail(position, f"{type(error).__name__}: {error}")
        finally:
            self.job.settle()

    def errors(self) -> dict[int, Exception]:
        """Why samples could not be made, by their positions, which the errors have as ``position`` too."""
        errors: dict[int, Exception] = {}
        for position, text in self.job.faults():
            error = DecodeError(text, self.job.path(position) or None)
            error.position = position
            errors[position] = error
        return errors

    def sample(self, position: int) -> Any:
        """One that was made."""
        return self.images[position], self._dataset.label(int(self.indices[position]))

    def collated(self) -> Any:
        """The batch as `default_collate` makes it of the samples."""
        labels = [self._dataset.label(number) for number in self.indices.tolist()]
        return [self.images, default_collate(tuple(labels))]
