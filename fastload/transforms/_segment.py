"""A run of transforms that is one native pass over an 8-bit image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastload import _core
from fastload.transforms._kinds import Kind, pil_of, pixels_of
from fastload.transforms._targets import Moving

# Types that the last native pass writes, by the names that programs know them by.
_NATIVE_TYPES = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
_LEVELS = 256
# Ops that tensors need no other layout for.
_MOVED_ABOUT = ("crop", "center_crop", "random_crop", "pad", "flip_x", "flip_y", "zoom_out", "iou_crop", "safe_crop")


class Segment:
    """Grows by one transform after another, until one gives a reason why it cannot join; then `close` it.

    It follows what is known of the image on the way: its container, its channels, and, once it is converted, the
    value that each level has become. That table is computed by torch itself, so a native pass gives its very bits.
    """

    def __init__(self, kind: Kind, start: int = 0, fused: bool = True) -> None:
        self.kind = kind
        self.fused = fused
        self.container = kind.container
        self.channels = kind.channels
        self.levels: torch.Tensor | None = None  # (channels, 1, 256); None: 8-bit levels as they are
        self.channels_last = False  # tensors (C, H, W) whose memory is (H, W, C)
        self.ops: list[tuple[Any, ...]] = []
        self.stop = start  # the number of the first transform that is not part of this
        self.reason = ""  # why that one is not
        self.program: _core.ImageProgram | None = None
        self._is_laid_out = False  # whether the program writes the layout that is wanted
        self._is_planar = False  # whether that is (C, H, W)

    @property
    def zero_stays_zero(self) -> bool:
        """Whether a border of level 0 before the conversion is a border of 0 after it."""
        return self.levels is None or bool((self.levels[:, :, 0] == 0).all())

    def out_size(self) -> tuple[int, int] | None:
        """(height, width) at this point, if it is the same for every image."""
        return _core.ImageProgram(self.ops).out_size()

    def map_levels(self, function: Callable[[torch.Tensor], torch.Tensor]) -> str | None:
        """Let every value become ``function`` of it, channel by channel. The reason why not, if that cannot be."""
        before = self.levels
        if before is None:
            before = torch.arange(_LEVELS, dtype=torch.uint8).expand(self.channels, 1, _LEVELS).clone()
        try:
            after = function(before.clone())
        except (TypeError, ValueError, RuntimeError) as error:
            return str(error)
        if after.dtype == torch.uint8 and self.levels is None:
            return None
        if after.dtype not in _NATIVE_TYPES or (self.container == "array" and after.dtype == torch.bfloat16):
            return f"{str(after.dtype).removeprefix('torch.')} is not made natively"
        if after.shape[0] not in (1, 3):
            return f"{after.shape[0]} channels are not converted natively"
        self.levels = after
        return None

    def kind_after(self) -> Kind:
        """The kind of image that comes out."""
        return Kind(self.container, self.channels if self.levels is None else 0, 2 if self.container == "pil" else 3)

    def close(self) -> None:
        """Make the program; nothing joins any more."""
        ops = self.ops
        if self.levels is not None and self.levels.shape[0] > self.channels:
            ops = [*ops, (0, "grayscale", 3)]  # a grey image that is normalised by three means has three channels
        output = self._output()
        self.program = _core.ImageProgram(ops, output, self.fused)
        self._is_laid_out = output is not None
        self._is_planar = output is not None and output[0] == "chw"

    def _output(self) -> tuple[str, str, int, Any] | None:
        layout = "chw" if self.container == "tensor" and not self.channels_last else "hwc"
        if self.levels is not None:
            channels = self.levels.shape[0]
            table = self.levels.reshape(channels, _LEVELS).contiguous()
            return layout, _NATIVE_TYPES[self.levels.dtype], channels, table
        if self.container == "tensor" and self.channels != 4:
            return layout, "uint8", self.channels, None
        return None

    @property
    def is_worth_it(self) -> bool:
        """Whether this is quicker than step by step: tensors that are only moved about need no other layout first."""
        if self.kind.container != "tensor":
            return bool(self.ops) or self.levels is not None or self.container != self.kind.container
        return self.levels is not None or any(op[1] not in _MOVED_ABOUT for op in self.ops)

    def run(self, image: Any, key: int, moving: Moving | None = None) -> Any:
        """What comes out of one image of this segment's kind; the targets move with it."""
        assert self.program is not None
        pixels = pixels_of(image)
        if moving is None:
            return self.wrapped(self.program.run(pixels, key))
        targets = moving.native()
        result = self.program.run(pixels, key, targets)
        self.take(moving, targets, key, pixels.shape[:2], result.shape[1:] if self._is_planar else result.shape[:2])
        return self.wrapped(result)

    def runner(self) -> Callable[[Any, int], Any]:
        """`run` for images that come alone, the shortest way. Arrays that are cropped and no more are views."""
        assert self.program is not None
        is_as_made = self.kind.container == self.container == "array" and self.kind.ndim == 3
        return self.program.run_or_view if is_as_made else self.run

    def take(
        self, moving: Moving, targets: _core.Targets, key: int, before: tuple[int, int], after: tuple[int, int]
    ) -> None:
        """Let the targets become what the program has made of them; sizes are (height, width)."""
        program = self.program
        assert program is not None
        moving.take(before, after, lambda: program.shown_pixels(key, *before, targets))

    def wrapped(self, result: np.ndarray[Any, Any]) -> Any:
        """The program's result as the image that is to come out."""
        if self.container == "pil":
            return pil_of(result)
        if self.container == "array":
            return result[:, :, 0] if self.kind.ndim == 2 and result.shape[2] == 1 else result
        planes = torch.from_numpy(result)
        if self.levels is not None and self.levels.dtype == torch.bfloat16:
            planes = planes.view(torch.bfloat16)
        if self.channels_last:
            return planes.permute(2, 0, 1)
        return planes if self._is_laid_out else planes.permute(2, 0, 1).contiguous()
