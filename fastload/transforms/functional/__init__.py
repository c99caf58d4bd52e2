"""The transforms as functions of explicit parameters, for PIL images, arrays and tensors.

Arrays are (H, W) or (H, W, C), tensors (..., C, H, W); what comes back is of the kind that came in.
"""

from fastload.transforms._interpolation import InterpolationMode
from fastload.transforms.functional._color import normalize, rgb_to_grayscale, to_grayscale
from fastload.transforms.functional._convert import (
    convert_image_dtype,
    pil_to_tensor,
    to_dtype,
    to_image,
    to_pil_image,
    to_tensor,
)
from fastload.transforms.functional._erase import erase
from fastload.transforms.functional._geometry import (
    center_crop,
    crop,
    get_dimensions,
    get_size,
    hflip,
    horizontal_flip,
    pad,
    resized_crop,
    vertical_flip,
    vflip,
)
from fastload.transforms.functional._resize import resize
from fastload.transforms.functional._tone import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    equalize,
    gaussian_blur,
    gaussian_noise,
    invert,
    jpeg,
    posterize,
    solarize,
)
from fastload.transforms.functional._warp import affine, elastic, elastic_transform, perspective, remap, rotate, warp

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "elastic",
    "elastic_transform",
    "equalize",
    "erase",
    "gaussian_blur",
    "gaussian_noise",
    "get_dimensions",
    "get_size",
    "hflip",
    "horizontal_flip",
    "invert",
    "jpeg",
    "normalize",
    "pad",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "remap",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "to_dtype",
    "to_grayscale",
    "to_image",
    "to_pil_image",
    "to_tensor",
    "vertical_flip",
    "vflip",
    "warp",
]
