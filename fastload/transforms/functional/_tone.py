"""Colours changed by explicit numbers: natively in 8-bit images of 1 or 3 channels, else by torch. A fourth stays.

Values of float images are in [0, 1], those of others in the range of their type, as torchvision has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastload import _core
from fastload._stream import drawn_key
from fastload.transforms._checks import as_bool, as_finite, is_int, is_list, is_number
from fastload.transforms._kinds import PIL_MODES, channels_of, is_pil, kind_of, pil_of, pixels_of, size_of
from fastload.transforms.functional._convert import convert_image_dtype
from fastload.transforms.functional._tensors import (
    is_batch_of_levels,
    on_tensor,
    one_by_one,
    refuse_complex,
    type_to_mix_in,
    values_of_type,
)

Op = tuple[Any, ...]
_LUMINANCE = (0.2989, 0.587, 0.114)
# In the order of the native enumeration.
_KINDS = [
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "hsv",
    "linear",
    "linear_of_mean",
    "gamma",
    "invert",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
    "clahe",
    "sharpness",
    "gaussian_blur",
    "motion_blur",
    "noise",
    "jpeg",
    "permute_channels",
]
_BY_LEVELS = {"equalize": 0, "clahe": 3, "jpeg": 1}  # what is native alone, and how many numbers it takes
_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def adjust_brightness(image: Any, brightness_factor: float) -> Any:
    """Each value times the factor."""
    return _one(image, "brightness", _factor(brightness_factor, "brightness_factor"))


def adjust_contrast(image: Any, contrast_factor: float) -> Any:
    """(1 - factor) * the mean luminance + factor * each value."""
    return _one(image, "contrast", _factor(contrast_factor, "contrast_factor"))


def adjust_saturation(image: Any, saturation_factor: float) -> Any:
    """(1 - factor) * each pixel's luminance + factor * each value."""
    return _one(image, "saturation", _factor(saturation_factor, "saturation_factor"))


def adjust_hue(image: Any, hue_factor: float) -> Any:
    """Colours turned by a part of the whole circle, in [-0.5, 0.5]."""
    if not is_number(hue_factor) or not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor must be in [-0.5, 0.5], got {hue_factor!r}")
    return _one(image, "hue", float(hue_factor))


def adjust_gamma(image: Any, gamma: float, gain: float = 1.0) -> Any:
    """gain * value ** gamma, values in [0, 1]."""
    return _one(image, "gamma", _factor(gamma, "gamma"), _factor(gain, "gain"))


def adjust_sharpness(image: Any, sharpness_factor: float) -> Any:
    """(1 - factor) * what a 3 x 3 filter smooths + factor * each value."""
    return _one(image, "sharpness", _factor(sharpness_factor, "sharpness_factor"))


def invert(image: Any) -> Any:
    """The negative."""
    return _one(image, "invert")


def posterize(image: Any, bits: int) -> Any:
    """All but the first ``bits`` bits of each value cleared; floats rounded down to 2 ** ``bits`` steps."""
    if not is_int(bits) or not 0 <= bits <= 8:
        raise ValueError(f"bits must be an int in [0, 8], got {bits!r}")
    return _one(image, "posterize", int(bits))


def solarize(image: Any, threshold: float) -> Any:
    """Values from ``threshold`` on inverted; it counts as the image's values do."""
    return _one(image, "solarize", as_finite(threshold, "threshold"))


def autocontrast(image: Any) -> Any:
    """Each channel stretched over the whole range."""
    return _one(image, "autocontrast")


def equalize(image: Any) -> Any:
    """Each channel's levels dealt out evenly; other values are made 8 bits for that, and back."""
    return _one(image, "equalize")


def gaussian_blur(image: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """The image smoothed by a Gaussian.

    kernel_size: an odd number of pixels. sigma: the deviation, 0.15 * kernel_size + 0.35 if not given. Each is one
    number, or (across, down).
    """
    sizes = list(kernel_size) if is_list(kernel_size) else [kernel_size]
    if len(sizes) not in (1, 2) or not all(is_int(size) and size > 0 and size % 2 for size in sizes):
        raise ValueError(f"kernel_size must be one or two odd ints, each at least 1; got {kernel_size!r}")
    deviations = [0.15 * size + 0.35 for size in sizes] if sigma is None else sigma if is_list(sigma) else [sigma]
    if not all(is_number(value) and value > 0 for value in deviations):
        raise ValueError(f"sigma must be one or two numbers greater than 0, got {sigma!r}")
    across, down = int(sizes[0]), int(sizes[-1])
    if deviations[0] == deviations[-1]:
        return _one(image, "gaussian_blur", across, down, float(deviations[0]))
    image = _one(image, "gaussian_blur", across, 1, float(deviations[0]))
    return _one(image, "gaussian_blur", 1, down, float(deviations[-1]))


def gaussian_noise(image: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """The image with noise, of ``mean`` and ``sigma`` in parts of the range, from torch's default generator."""
    if not is_number(sigma) or not 0 <= sigma < float("inf"):
        raise ValueError(f"sigma must be a number, 0 or more; got {sigma!r}")
    op = _op("noise", 255 * as_finite(mean, "mean"), 255 * float(sigma))
    return apply_colours(image, op, drawn_key(), as_bool(clip, "clip"))


def jpeg(image: Any, quality: int) -> Any:
    """What is left of an 8-bit image after JPEG compression of that quality, 1 to 100."""
    if not is_int(quality) or not 1 <= quality <= 100:
        raise ValueError(f"quality must be an int in [1, 100], got {quality!r}")
    return _one(image, "jpeg", int(quality))


def apply_colours(image: Any, op: Op, key: int, clip: bool = True) -> Any:
    """The image after what that op draws under ``key``."""
    kind = kind_of(image)
    if kind.channels in (1, 3):
        return _native(image, op, key)
    if is_pil(image) and image.mode not in PIL_MODES:
        return _other_pil(image, op, key)
    if channels_of(image) == 4:
        return on_tensor(lambda planes: _beside_alpha(planes, op, key, clip), image)
    if is_batch_of_levels(image) and op[1] != "noise":  # noise is each image's own
        return one_by_one(lambda one: apply_colours(one, op, key), image)
    height, width = size_of(image)
    for _, number, values, noise in _core.ImageProgram([op]).draw(key, height, width)[0][1]:
        image = _by_torch(image, _KINDS[number], values, noise, clip)
    return image


def apply_drawn(image: Any, number: int, values: Sequence[float]) -> Any:
    """An image that is not native after a change that a native program has drawn, in levels."""
    name = _KINDS[number]
    if name == "solarize":  # the one number that counts as the image's values do
        return on_tensor(lambda planes: _exactly(planes, name, values[0] / 255 * _whole(planes.dtype)), image)
    return _by_torch(image, name, values, 0, True)


def _op(name: str, *numbers: float) -> Op:
    return (0, name, 1.0, *((number, number) for number in numbers))


def _one(image: Any, name: str, *numbers: float) -> Any:
    return apply_colours(image, _op(name, *numbers), 0)


def _factor(value: Any, name: str) -> float:
    if not is_number(value) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be a number, 0 or more; got {value!r}")
    return float(value)


def _native(image: Any, op: Op, key: int) -> Any:
    made: NDArray[np.uint8] = _core.ImageProgram([op]).run(pixels_of(image), key)
    if is_pil(image):
        return pil_of(made)
    if isinstance(image, np.ndarray):
        return made[:, :, 0] if image.ndim == 2 else made
    return torch.from_numpy(made).permute(2, 0, 1).contiguous()


def _other_pil(image: Any, op: Op, key: int) -> Any:
    """Colours beside an alpha channel."""
    from PIL import Image

    if image.mode not in ("RGBA", "RGBX", "LA", "P", "1"):
        raise ValueError(f"colours of PIL images of mode {image.mode!r} are not changed: convert the image to RGB")
    if image.mode in ("P", "1"):
        return apply_colours(image.convert("RGB" if image.mode == "P" else "L"), op, key)
    *bands, last = image.split()
    changed = apply_colours(Image.merge("RGB", bands) if len(bands) == 3 else bands[0], op, key)
    return Image.merge(image.mode, (*changed.split(), last))


def _beside_alpha(planes: torch.Tensor, op: Op, key: int, clip: bool) -> torch.Tensor:
    return torch.cat([apply_colours(planes[..., :3, :, :], op, key, clip), planes[..., 3:, :, :]], dim=-3)


def _by_torch(image: Any, name: str, values: Sequence[float], noise: int, clip: bool) -> Any:
    if name in _EXACT:
        return on_tensor(lambda planes: _exactly(planes, name, values[0]), image)
    if name in _BY_LEVELS:
        return on_tensor(lambda planes: _by_levels(planes, name, values), image)
    function = _DRAWN[name] if name in _DRAWN else lambda parts, values, _: _FLOATS[name](parts, values)

    def changed(planes: torch.Tensor) -> torch.Tensor:
        whole = float(_whole(planes.dtype))
        parts = planes.to(type_to_mix_in(planes.dtype)) / whole
        made = function(parts, values, noise)
        made = made if name == "noise" and not clip else made.clamp(0, 1)
        return values_of_type(made * whole, planes.dtype)

    return on_tensor(changed, image)


def _by_levels(planes: torch.Tensor, name: str, values: Sequence[float]) -> torch.Tensor:
    """Natively, image by image: what is not 8 bits is made so, and comes back as it was."""
    channels, dtype = planes.shape[-3], planes.dtype
    if channels not in (1, 3) and name != "equalize":
        raise ValueError(f"{name} is for images of 1 or 3 channels, and a fourth beside them; got {channels} channels")
    if dtype != torch.uint8 and name not in ("clahe", "equalize"):
        raise TypeError(f"{name} is for 8-bit images, got {dtype}: put ToDtype(torch.uint8, scale=True) before it")
    limited = planes.to(torch.float32).clamp(0, 1) if dtype.is_floating_point else planes
    levels = convert_image_dtype(limited.cpu(), torch.uint8)
    if name == "equalize":  # a matter of each channel
        levels = levels.reshape(-1, 1, *planes.shape[-2:])
    op = _op(name, *values[: _BY_LEVELS[name]])
    made: torch.Tensor = apply_colours(levels, op, 0).reshape(planes.shape)
    return convert_image_dtype(made, dtype).to(planes.device)  # type: ignore[no-any-return]


def _exactly(planes: torch.Tensor, name: str, value: float) -> torch.Tensor:
    whole = _whole(planes.dtype)
    wide = planes if planes.is_floating_point() else planes.to(torch.int64)
    return _EXACT[name](wide, value, whole).to(planes.dtype)


def _whole(dtype: torch.dtype) -> int:
    """The greatest value of images of that type."""
    refuse_complex(dtype)
    if dtype == torch.bool:
        raise TypeError("values of torch.bool have no range: hand over levels, such as image.to(torch.uint8) * 255")
    return 1 if dtype.is_floating_point else torch.iinfo(dtype).max


def _posterized(planes: torch.Tensor, bits: float, whole: int) -> torch.Tensor:
    if planes.is_floating_point():
        steps = 1 << int(bits)
        return (planes * steps).floor().clamp(0, steps - 1) / steps
    cleared = max(whole.bit_length() - int(bits), 0)
    return planes >> cleared << cleared


def _solarized(planes: torch.Tensor, threshold: float, whole: int) -> torch.Tensor:
    if threshold > float(whole):  # which may be one more than the greatest value, as a float
        raise ValueError(f"threshold must be at most {whole} for images of {planes.dtype}, got {threshold}")
    # Integers are compared with an integer: of neighbours torch would make the same float.
    first = threshold if planes.is_floating_point() else min(max(int(np.ceil(threshold)), ~whole), whole)
    return torch.where(planes >= first, whole - planes, planes)


def _permuted(planes: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    return planes if planes.shape[-3] != 3 else planes[..., list(_ORDERS[min(int(values[0]), 5)]), :, :]


def _luminance(planes: torch.Tensor) -> torch.Tensor:
    if planes.shape[-3] != 3:
        return planes.mean(dim=-3, keepdim=True)
    weights = torch.tensor(_LUMINANCE, dtype=planes.dtype, device=planes.device).view(3, 1, 1)
    return (planes * weights).sum(dim=-3, keepdim=True)


def _blend(one: torch.Tensor, other: torch.Tensor, factor: float) -> torch.Tensor:
    return other + factor * (one - other)


def _contrast(planes: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    return _blend(planes, _luminance(planes).mean(dim=(-3, -2, -1), keepdim=True), values[0])


def _line(planes: torch.Tensor, slope: float, offset: torch.Tensor, safe: float) -> torch.Tensor:
    if not safe:
        return planes * slope + offset
    offset = offset.clamp(0 if slope > 0 else None, 1)
    return planes * ((1 - offset).clamp(max=slope) if slope > 0 else (-offset).clamp(min=slope)) + offset


def _hsv(planes: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    """Hue, saturation and value moved; `values` in parts of their ranges."""
    if planes.shape[-3] != 3:
        return planes + values[2]
    red, green, blue = planes.unbind(-3)
    most, least = planes.amax(-3), planes.amin(-3)
    chroma = most - least
    part = torch.where(chroma > 0, chroma, 1)
    hue = torch.where(most == green, 2 + (blue - red) / part, 4 + (red - green) / part)
    hue = torch.where(most == red, (green - blue) / part, hue) + 6 * values[0]
    saturation = (chroma / torch.where(most > 0, most, 1) + values[1]).clamp(0, 1)
    value = (most + values[2]).clamp(0, 1)
    channels = []
    for number in (5, 3, 1):
        place = torch.remainder(hue + number, 6)
        channels.append(value - value * saturation * torch.minimum(place, 4 - place).clamp(0, 1))
    return torch.stack(channels, dim=-3)


def _sharpness(planes: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    if min(planes.shape[-2:]) < 3:
        return planes
    kernel = torch.ones(3, 3, dtype=planes.dtype, device=planes.device)
    kernel[1, 1] = 5
    smooth = planes.clone()
    smooth[..., 1:-1, 1:-1] = _filtered(planes, kernel / 13)
    return _blend(planes, smooth, values[0])


def _filtered(planes: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    images = planes.reshape(-1, 1, *planes.shape[-2:])
    made = torch.nn.functional.conv2d(images, kernel[None, None])
    return made.reshape(*planes.shape[:-2], *made.shape[-2:])


def _gaussian_blur(planes: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    for axis, taps in ((-1, int(values[0])), (-2, int(values[1]))):
        reach = taps // 2
        places = torch.arange(-reach, reach + 1, dtype=planes.dtype, device=planes.device)
        weights = torch.exp(-0.5 * (places / values[2]) ** 2)
        kernel = (weights / weights.sum()).view(1, -1) if axis == -1 else (weights / weights.sum()).view(-1, 1)
        planes = _filtered(_reflected(planes, axis, reach), kernel)
    return planes


def _motion_blur(planes: torch.Tensor, values: Sequence[float], key: int) -> torch.Tensor:
    kernel = torch.from_numpy(_core.motion_weights(values, key)).to(planes)
    reach = len(kernel) // 2
    return _filtered(_reflected(_reflected(planes, -1, reach), -2, reach), kernel)


def _reflected(planes: torch.Tensor, axis: int, reach: int) -> torch.Tensor:
    """The planes with so many more rows or columns on both sides, as often reflected as it takes."""
    length = planes.shape[axis]
    index = torch.arange(-reach, length + reach).abs() % max(2 * (length - 1), 1)
    index = torch.where(index >= length, 2 * (length - 1) - index, index).to(planes.device)
    return planes.index_select(planes.ndim + axis, index)


def _autocontrast(planes: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    low, high = planes.amin(dim=(-2, -1), keepdim=True), planes.amax(dim=(-2, -1), keepdim=True)
    return torch.where(high > low, (planes - low) / torch.where(high > low, high - low, 1), planes)


def _noisy(planes: torch.Tensor, values: Sequence[float], key: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(key % (1 << 63))
    drawn = torch.randn(planes.shape, generator=generator).to(planes)
    return planes + values[0] / 255 + drawn * (values[1] / 255)


_FLOATS: dict[str, Callable[[torch.Tensor, Sequence[float]], torch.Tensor]] = {
    "brightness": lambda planes, v: planes * v[0],
    "contrast": _contrast,
    "saturation": lambda planes, v: _blend(planes, _luminance(planes), v[0]) if planes.shape[-3] == 3 else planes,
    "hue": lambda planes, v: _hsv(planes, (v[0], 0.0, 0.0)),
    "hsv": _hsv,
    "linear": lambda planes, v: _line(planes, v[0], torch.tensor(v[1] / 255).to(planes), v[2]),
    "linear_of_mean": lambda planes, v: _line(planes, v[0], v[1] * planes.mean(dim=(-3, -2, -1), keepdim=True), v[2]),
    "gamma": lambda planes, v: v[1] * planes.clamp(min=0) ** v[0],  # less than black has no powers
    "autocontrast": _autocontrast,
    "sharpness": _sharpness,
    "gaussian_blur": _gaussian_blur,
    "permute_channels": _permuted,
}
# With a key, from which more is drawn.
_DRAWN: dict[str, Callable[[torch.Tensor, Sequence[float], int], torch.Tensor]] = {
    "motion_blur": _motion_blur,
    "noise": _noisy,
}
# Of values as they are, without a detour by parts of the range: what torchvision makes of floats and integers.
_EXACT: dict[str, Callable[[torch.Tensor, float, int], torch.Tensor]] = {
    "invert": lambda planes, _, whole: whole - planes,
    "posterize": _posterized,
    "solarize": _solarized,
}
