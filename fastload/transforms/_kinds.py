"""What kind of image is this: PIL, NumPy or torch; its size, its channels, and its 8-bit pixels in and out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fastload._containers import rebuild_mapping
from fastload._target_names import BOX_NAMES, KEYPOINT_NAMES, LABEL_NAMES, MASK_NAMES, tv_name

NATIVE_CHANNELS = (1, 3, 4)
IMAGE_NAMES = ("image", "img")
_ROLES = {
    name: role
    for role, names in (("boxes", BOX_NAMES), ("masks", MASK_NAMES), ("keypoints", KEYPOINT_NAMES))
    for name in names
}
_TV_ROLES = {"BoundingBoxes": "boxes", "Mask": "masks", "KeyPoints": "keypoints"}
PIL_MODES = {"L": 1, "RGB": 3}  # what native programs do; other modes are Pillow's own business


class Kind(NamedTuple):
    """Images of one kind are treated alike."""

    container: str  # "pil", "array" or "tensor"
    channels: int  # of one 8-bit image that native programs take; 0: any other image
    ndim: int


# By dtype, what follows height and width in their shape, and how many axes that makes.
_ARRAY_KINDS: dict[tuple[Any, tuple[int, ...], int], Kind] = {
    (np.dtype(np.uint8), (), 2): Kind("array", 1, 2),
    **{(np.dtype(np.uint8), (channels,), 3): Kind("array", channels, 3) for channels in NATIVE_CHANNELS},
}


def is_pil(value: Any) -> bool:
    """Whether this is a PIL image, without importing Pillow: who has one has imported it."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def tv_extras(value: Any) -> dict[str, Any]:
    """What torchvision's own tensors are made with beside their numbers."""
    names = ("format", "canvas_size", "clamping_mode")
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def as_it_came(before: Any, image: Any) -> Any:
    """The image, as torchvision's own tensor where the image before it was one."""
    if type(image) is torch.Tensor and tv_name(before) in ("Image", "Video"):
        return image.as_subclass(type(before))
    return image


def is_image(value: Any) -> bool:
    """Whether transforms apply to this at all: torchvision's boxes, masks and key points only go with an image."""
    if isinstance(value, np.ndarray):
        return True
    if isinstance(value, torch.Tensor):
        return tv_name(value) not in _TV_ROLES
    return is_pil(value)


def is_batch(image: Any) -> bool:
    """Whether these are several images, whose targets are no sample's."""
    return getattr(image, "ndim", 0) > 3


def role_of(name: Any, value: Any) -> str:
    """ "boxes", "masks", "keypoints", or "" for everything else."""
    own = tv_name(value)
    if own:
        return _TV_ROLES.get(own, "")
    return "" if value is None or isinstance(value, str) else _ROLES.get(name, "")


def container_of(image: Any) -> str:
    """ "pil", "array" or "tensor"; TypeError for anything else."""
    if isinstance(image, np.ndarray):
        return "array"
    if type(image) is torch.Tensor:
        return "tensor"
    if isinstance(image, torch.Tensor) and tv_name(image) not in ("BoundingBoxes", "KeyPoints"):
        return "tensor"
    if is_pil(image):
        return "pil"
    raise TypeError(f"an image must be a PIL image, a NumPy array or a tensor, got {type(image).__name__}")


def kind_of(image: Any) -> Kind:
    """The image's kind; TypeError for what is no image, ValueError for shapes that are none."""
    if isinstance(image, np.ndarray):
        known = _ARRAY_KINDS.get((image.dtype, image.shape[2:], image.ndim))
        if known is not None:
            return known
    container = container_of(image)
    if container == "pil":
        return Kind("pil", PIL_MODES.get(image.mode, 0), 2)
    check_shape(image)
    if container == "array":
        return Kind("array", 0, image.ndim)
    channels = image.shape[0] if image.ndim == 3 else 0
    native = image.dtype == torch.uint8 and image.device.type == "cpu" and image.layout is torch.strided
    return Kind("tensor", channels if native and channels in NATIVE_CHANNELS else 0, image.ndim)


def check_shape(image: Any) -> None:
    """ValueError unless an array is (H, W) or (H, W, C), or a tensor (..., H, W), with at least one channel."""
    if isinstance(image, np.ndarray) and image.ndim not in (2, 3):
        raise ValueError(f"an array must be (H, W) or (H, W, C), got shape {image.shape}")
    if isinstance(image, torch.Tensor) and image.ndim < 2:
        raise ValueError(f"a tensor must be (..., C, H, W) or (H, W), got shape {tuple(image.shape)}")
    if getattr(image, "ndim", 0) > 2 and image.shape[2 if isinstance(image, np.ndarray) else -3] == 0:
        raise ValueError(f"an image must have at least one channel, got shape {tuple(image.shape)}")


def size_of(image: Any) -> tuple[int, int]:
    """(height, width); ValueError if there is no pixel."""
    container = container_of(image)
    check_shape(image)
    if container == "pil":
        height, width = image.height, image.width
    elif container == "array":
        height, width = image.shape[:2]
    else:
        height, width = image.shape[-2:]
    if height < 1 or width < 1:
        raise ValueError(f"an image must have at least one pixel, got {height} x {width} (height x width)")
    return int(height), int(width)


def channels_of(image: Any) -> int:
    """How many channels: bands of a PIL image; 1 for (H, W)."""
    container = container_of(image)
    check_shape(image)
    if container == "pil":
        return len(image.getbands())
    if container == "array":
        return 1 if image.ndim == 2 else int(image.shape[2])
    return 1 if image.ndim == 2 else int(image.shape[-3])


def pixels_of(image: Any) -> NDArray[np.uint8]:
    """(H, W) or (H, W, C) pixels of one 8-bit image; shares memory where it can."""
    if isinstance(image, np.ndarray):
        return np.asarray(image)
    if isinstance(image, torch.Tensor):
        return np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return np.ascontiguousarray(image)


def pil_of(pixels: NDArray[Any], before: Any = None) -> Any:
    """The PIL image, L or RGB, of (H, W), (H, W, 1) or (H, W, 3) pixels.

    before: an image whose mode and palette it keeps, where that is another mode; ValueError if that cannot hold them.
    """
    from PIL import Image

    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if before is None or before.mode in PIL_MODES:
        return Image.fromarray(pixels)
    wanted = np.asarray(before.crop((0, 0, 1, 1)))
    if pixels.dtype != wanted.dtype or pixels.shape[2:] != wanted.shape[2:]:
        got = f"{pixels.dtype}, shape {pixels.shape}"
        raise ValueError(f"a PIL image of mode {before.mode!r} cannot hold {got}: convert it to RGB or L first")
    packed = np.packbits(pixels, axis=1) if before.mode == "1" else pixels  # eight pixels a byte
    out = Image.frombytes(before.mode, (pixels.shape[1], pixels.shape[0]), packed.tobytes())
    out.info = dict(before.info)
    if before.palette is not None:
        out.putpalette(before.palette)
    return out


def tensor_of(array: NDArray[Any]) -> torch.Tensor:
    """A tensor on the array's memory; on a copy if that is read-only or runs backwards."""
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    try:
        return torch.from_numpy(array)
    except (TypeError, ValueError) as error:  # types that torch has not, and the bytes of other machines
        raise TypeError(f"arrays of {array.dtype} have no counterpart in torch: convert them first") from error


def numbers_of(tensor: torch.Tensor) -> NDArray[Any]:
    """The values as an array; floats that NumPy has not, such as bfloat16, as float32, which holds them all."""
    values = tensor.detach().as_subclass(torch.Tensor).cpu()
    array: NDArray[Any] = (values if _is_known_to_numpy(values.dtype) else values.float()).numpy()
    return array


def _is_known_to_numpy(dtype: torch.dtype) -> bool:
    return not dtype.is_floating_point or dtype in (torch.float16, torch.float32, torch.float64)


def array_of(image: Any) -> NDArray[Any]:
    """(H, W) or (H, W, C) values of a PIL image, an array or a tensor (C, H, W) or (H, W)."""
    if not isinstance(image, torch.Tensor):
        return np.ascontiguousarray(image)
    if image.ndim not in (2, 3):
        raise ValueError(f"this takes one image at a time, got a tensor {tuple(image.shape)}")
    return np.ascontiguousarray(numbers_of(image if image.ndim == 2 else image.permute(1, 2, 0)))


def image_like(before: Any, values: Any) -> Any:
    """What has come out, in the container that went in; a tensor that the library has made stays as it is.

    Floats of several channels, which no PIL image holds, come out as an array.
    """
    if isinstance(values, torch.Tensor):
        return values
    values = np.ascontiguousarray(values)
    if is_pil(before):
        if values.dtype.kind == "f" and values.ndim == 3 and values.shape[2] > 1:
            return values
        if before.mode in ("P", "PA"):
            raise ValueError(f"a PIL image of mode {before.mode!r} has numbers of colours: convert it to RGB first")
        return pil_of(values, before)
    if isinstance(before, torch.Tensor):
        planes = tensor_of(values)
        if before.ndim == 3:
            planes = (planes if planes.ndim == 3 else planes[:, :, None]).permute(2, 0, 1).contiguous()
        is_back = planes.dtype == torch.float32 and not _is_known_to_numpy(before.dtype)
        return planes.to(before.device, before.dtype if is_back else planes.dtype)
    return values if before.ndim == values.ndim else values.reshape(*values.shape[:2], *before.shape[2:])


def place_of_image(sample: Any) -> Any:
    """Where the image is in a sample of several parts.

    In a mapping it is called "image" or "img"; else it is the first PIL image, or the first array or tensor. Boxes,
    masks, key points and labels are never it. Returns an index or a key. TypeError if no part is an image.
    """
    if isinstance(sample, Mapping):
        for name in IMAGE_NAMES:
            if is_image(sample.get(name)):
                return name
    parts = list(sample.items() if isinstance(sample, Mapping) else enumerate(sample))
    images = [
        (place, part)
        for place, part in parts
        if is_image(part) and not role_of(place, part) and place not in LABEL_NAMES
    ]
    for place, _ in [image for image in images if is_pil(image[1])] or images:
        return place
    is_named = isinstance(sample, Mapping)
    names = ", ".join(f"{place}: {type(part).__name__}" if is_named else type(part).__name__ for place, part in parts)
    raise TypeError(
        f"there is no PIL image, array or tensor in this sample: {type(sample).__name__} of ({names}); "
        "boxes, masks, key points and labels go along with an image, and are none"
    )


def with_part(sample: Any, place: Any, image: Any) -> Any:
    """The sample with another image in it, of the same type."""
    if isinstance(sample, Mapping):
        return rebuild_mapping(sample, {**sample, place: image})
    parts = [image if number == place else part for number, part in enumerate(sample)]
    return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)
