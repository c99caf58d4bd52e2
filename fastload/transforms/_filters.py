"""Blur, noise and compression."""

from __future__ import annotations

from typing import Any

from fastload.transforms._base import SometimesDrawn
from fastload.transforms._checks import (
    as_bool,
    as_finite,
    as_probability,
    check_most,
    is_int,
    is_list,
    is_number,
    symmetric_range,
)
from fastload.transforms._get_params import blur_params
from fastload.transforms._tone import ColourTransform, Op
from fastload.transforms.functional._tone import apply_colours


class GaussianBlur(ColourTransform):
    """The image smoothed by a Gaussian.

    kernel_size: an odd number of pixels, or (across, down). sigma: the deviation in pixels, or its range (low, high).
    """

    get_params = staticmethod(blur_params)

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        sizes = list(kernel_size) if is_list(kernel_size) else [kernel_size]
        if len(sizes) not in (1, 2) or not all(is_int(size) and size > 0 and size % 2 for size in sizes):
            raise ValueError(f"kernel_size must be one or two odd ints, each at least 1; got {kernel_size!r}")
        check_most(max(sizes), 65535, "kernel_size")
        self.kernel_size = (int(sizes[0]), int(sizes[-1]))
        self.sigma = symmetric_range((sigma, sigma) if is_number(sigma) else sigma, "sigma")
        if self.sigma[0] <= 0:
            raise ValueError(f"sigma must be greater than 0, got {sigma!r}")

    def op(self, stream: int) -> Op:
        across, down = self.kernel_size
        return stream, "gaussian_blur", 1.0, (across, across), (down, down), self.sigma


class MotionBlur(SometimesDrawn, ColourTransform):
    """The image smeared along a line, with probability ``p``.

    blur_limit: the line's length in pixels, an odd number from (low, high), or from (3, number); an even one stands for
    the next. allow_shifted: the line may begin beside the pixel, by up to a quarter of its length: the image moves.
    angle_range: degrees. direction_range: within [-1, 1]; 0 smears both ways alike, 1 one way only. The lines are
    Albumentations'.
    """

    def __init__(
        self,
        blur_limit: Any = (3, 7),
        allow_shifted: bool = True,
        angle_range: Any = (0, 360),
        direction_range: Any = (-1.0, 1.0),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.allow_shifted = as_bool(allow_shifted, "allow_shifted")
        if is_number(blur_limit) and not blur_limit >= 3:
            raise ValueError(f"blur_limit must be whole pixels, 3 or more; got {blur_limit!r}")
        low, high = symmetric_range((3, blur_limit) if is_number(blur_limit) else blur_limit, "blur_limit")
        if low < 3 or low % 1 or high % 1:
            raise ValueError(f"blur_limit must be whole pixels, 3 or more; got {blur_limit!r}")
        check_most(high, 1021, "blur_limit")
        self.blur_limit = (int(low) | 1, int(high) | 1)
        self.angle_range = symmetric_range(angle_range, "angle_range")
        self.direction_range = symmetric_range(direction_range, "direction_range")
        if not -1 <= self.direction_range[0] <= self.direction_range[1] <= 1:
            raise ValueError(f"direction_range must be within [-1, 1], got {direction_range!r}")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        shifted = (float(self.allow_shifted),) * 2
        # Which is rounded to the nearest odd number: so all of them are drawn alike.
        length = self.blur_limit[0] - 1, self.blur_limit[1] + 1
        return stream, "motion_blur", self.p, length, self.angle_range, self.direction_range, shifted


class GaussianNoise(SometimesDrawn, ColourTransform):
    """Noise of a normal distribution added to every value: mean and deviation in parts of the whole range.

    clip: values stay in the range; those of 8-bit images always do. sigma: a number, or its range (low, high).
    """

    def __init__(self, mean: float = 0.0, sigma: Any = 0.1, clip: bool = True, p: float = 1.0) -> None:
        super().__init__()
        self.mean = as_finite(mean, "mean")
        self.sigma = symmetric_range((sigma, sigma) if is_number(sigma) else sigma, "sigma")
        if self.sigma[0] < 0:
            raise ValueError(f"sigma must not be negative, got {sigma!r}")
        self.clip = as_bool(clip, "clip")
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        mean = 255 * self.mean
        return stream, "noise", self.p, (mean, mean), (255 * self.sigma[0], 255 * self.sigma[1])

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        return apply_colours(image, self.op(stream), key, self.clip)


class JPEG(ColourTransform):
    """What is left of the 8-bit image after JPEG compression. quality: 1 to 100, or its range (low, high)."""

    def __init__(self, quality: Any, p: float = 1.0) -> None:
        super().__init__()
        values = [quality, quality] if is_int(quality) else list(quality) if is_list(quality) else []
        if len(values) != 2 or not all(is_int(value) for value in values) or not 1 <= values[0] <= values[1] <= 100:
            raise ValueError(f"quality must be an int in [1, 100], or (low, high) of such; got {quality!r}")
        self.quality = (int(values[0]), int(values[1]))
        self.p = as_probability(p)

    def op(self, stream: int) -> Op:
        return stream, "jpeg", self.p, self.quality

    def transformed(self, image: Any, key: int, stream: int) -> Any:
        dtype = getattr(image, "dtype", "uint8")  # PIL images have none
        if self.p > 0 and str(dtype) not in ("uint8", "torch.uint8"):  # whether it is drawn or not
            raise TypeError(f"JPEG is for 8-bit images, got {dtype}: put ToDtype(torch.uint8, scale=True) before it")
        return super().transformed(image, key, stream)
