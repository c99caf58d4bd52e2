"""Transforms of images by torchvision's names and arguments, made natively wherever an image is 8-bit.

They take PIL images, NumPy arrays (H, W) or (H, W, C) and tensors (..., C, H, W), and give back the same kind.
"""

from fastload.transforms import functional
from fastload.transforms._base import Transform
from fastload.transforms._color import Grayscale, Normalize
from fastload.transforms._convert import (
    ConvertImageDtype,
    Identity,
    Lambda,
    PILToTensor,
    ToDtype,
    ToImage,
    ToMemoryFormat,
    ToPILImage,
    ToTensor,
)
from fastload.transforms._geometry import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
)
from fastload.transforms._interpolation import InterpolationMode
from fastload.transforms._plan import Compose, FilePlan

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "FilePlan",
    "Grayscale",
    "Identity",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "ToDtype",
    "ToImage",
    "ToMemoryFormat",
    "ToPILImage",
    "ToTensor",
    "Transform",
    "functional",
]
