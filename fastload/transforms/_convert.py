"""Transforms from one kind of image to another, and functions of the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from fastload._containers import rebuild_mapping
from fastload.transforms import functional as F
from fastload.transforms._base import Transform, _sample_of
from fastload.transforms._checks import as_bool
from fastload.transforms._kinds import PIL_MODES, is_pil
from fastload.transforms._segment import Segment


class ToImage(Transform):
    """A uint8 (or whatever type came) tensor, (C, H, W), of a PIL image or an array; levels are not scaled."""

    keeps_kind = False

    def join(self, segment: Segment, stream: int) -> str | None:
        segment.container = "tensor"
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.to_image(image)


class PILToTensor(Transform):
    """A tensor, (C, H, W), of a PIL image's levels; arrays and tensors pass through."""

    keeps_kind = False

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.container == "pil":
            segment.container = "tensor"
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return F.pil_to_tensor(image) if is_pil(image) else image


class ToTensor(Transform):
    """A (C, H, W) tensor of a PIL image or an array, 8-bit levels as float32 in [0, 1]; tensors pass through."""

    keeps_kind = False

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.container == "tensor":
            return None
        container, segment.container = segment.container, "tensor"
        if segment.levels is not None:
            return None  # an array of floats: its values stay
        reason = segment.map_levels(lambda planes: planes.to(torch.float32).div(255))
        if reason is not None:
            segment.container = container
        return reason

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return image if isinstance(image, torch.Tensor) else F.to_tensor(image)


class ToPILImage(Transform):
    """A PIL image of a (C, H, W) tensor or an (H, W, C) array; PIL images pass through."""

    keeps_kind = False

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def extra_repr(self) -> str:
        return "" if self.mode is None else f"mode={self.mode}"

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.container == "pil":
            return None
        if segment.levels is not None:
            return "it rounds floats"
        if segment.channels not in (1, 3) or (self.mode is not None and PIL_MODES.get(self.mode) != segment.channels):
            return "only L and RGB images are made natively"
        segment.container = "pil"
        segment.channels_last = False
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return image if is_pil(image) else F.to_pil_image(image, self.mode)


class ToDtype(Transform):
    """The image in another type; with ``scale``, from the old range of values to the new one. PIL images stay.

    dtype: a torch.dtype, or a dict by type of image as torchvision has it: for a tensor ``torch.Tensor`` counts, for
    an array ``numpy.ndarray``, for both "others"; None leaves the image as it is.
    """

    keeps_kind = False

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, torch.dtype | Mapping):
            raise TypeError(f"dtype must be a torch.dtype, or a dict of them by type of image; got {dtype!r}")
        for value in dtype.values() if isinstance(dtype, Mapping) else ():
            if value is not None and not isinstance(value, torch.dtype):
                raise TypeError(f"dtype must be a dict of torch.dtype or None, got {value!r} in it")
        self.dtype = dtype
        self.scale = as_bool(scale, "scale")

    def _dtype_for(self, container: str) -> torch.dtype | None:
        if isinstance(self.dtype, torch.dtype):
            return self.dtype
        kind = torch.Tensor if container == "tensor" else np.ndarray
        if kind in self.dtype:
            return self.dtype[kind]  # type: ignore[no-any-return]
        if "others" in self.dtype:
            return self.dtype["others"]  # type: ignore[no-any-return]
        raise ValueError(f'dtype has no entry for {kind.__name__}, nor "others": {self.dtype!r}')

    def extra_repr(self) -> str:
        return f"{self.dtype}, scale={self.scale}"

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.container == "pil":
            return None
        try:
            dtype = self._dtype_for(segment.container)
        except ValueError as error:
            return str(error)
        return None if dtype is None else segment.map_levels(lambda planes: F.to_dtype(planes, dtype, self.scale))

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        if is_pil(image):
            return image
        dtype = self._dtype_for("tensor" if isinstance(image, torch.Tensor) else "array")
        return image if dtype is None else F.to_dtype(image, dtype, self.scale)


class ConvertImageDtype(ToDtype):
    """`ToDtype` with ``scale=True``."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(dtype, scale=True)

    def extra_repr(self) -> str:
        return str(self.dtype)


class ToMemoryFormat(Transform):
    """Tensors (C, H, W) whose memory is (H, W, C) for ``torch.channels_last``: batches of them are channels-last.

    ``torch.contiguous_format`` is the other way round. PIL images and arrays stay.
    """

    def __init__(self, memory_format: torch.memory_format = torch.channels_last) -> None:
        super().__init__()
        if not any(memory_format is known for known in (torch.channels_last, torch.contiguous_format)):
            raise ValueError(
                f"memory_format must be torch.channels_last or torch.contiguous_format, got {memory_format!r}"
            )
        self.memory_format = memory_format

    def extra_repr(self) -> str:
        return str(self.memory_format)

    def join(self, segment: Segment, stream: int) -> str | None:
        if segment.container == "tensor":
            segment.channels_last = self.memory_format == torch.channels_last
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        if not isinstance(image, torch.Tensor) or image.ndim < 3:
            return image
        if self.memory_format == torch.contiguous_format:
            return image.contiguous()
        return image.movedim(-3, -1).contiguous().movedim(-1, -3)


class Identity(Transform):
    """The image as it is."""

    def join(self, segment: Segment, stream: int) -> str | None:
        return None

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return image


class Lambda(Transform):
    """A function of the user, applied to every part of the sample that is one of ``types`` (any, by default)."""

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        if not callable(lambd):
            raise TypeError(f"lambd must be callable, got {lambd!r}")
        self.lambd = lambd
        self.types = types or (object,)

    def forward(self, *inputs: Any) -> Any:
        """The sample with the function applied to its parts."""
        return self._mapped(_sample_of(inputs))

    def _mapped(self, sample: Any) -> Any:
        if isinstance(sample, Mapping):
            return rebuild_mapping(sample, {name: self._mapped(part) for name, part in sample.items()})
        if isinstance(sample, tuple | list):
            parts = [self._mapped(part) for part in sample]
            return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)
        return self.lambd(sample) if isinstance(sample, self.types) else sample

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", type(self.lambd).__name__)
        return name if self.types == (object,) else f"{name}, types={[kind.__name__ for kind in self.types]}"
