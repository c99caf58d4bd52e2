"""Transforms of images by torchvision's names and arguments, made natively wherever an image is 8-bit.

They take PIL images, NumPy arrays (H, W) or (H, W, C) and tensors (..., C, H, W), and give back the same kind.
"""

from fastload.transforms import functional
from fastload.transforms._albumentations import Albumentations
from fastload.transforms._base import Transform
from fastload.transforms._box_crops import BBoxSafeRandomCrop, RandomIoUCrop
from fastload.transforms._boxes import BoxParams
from fastload.transforms._color import Grayscale, Normalize
from fastload.transforms._containers import OneOf, RandomApply, RandomChoice, RandomOrder, SomeOf
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
from fastload.transforms._copy_paste import CopyPaste
from fastload.transforms._erase import CoarseDropout, RandomErasing
from fastload.transforms._filters import JPEG, GaussianBlur, GaussianNoise, MotionBlur
from fastload.transforms._geometry import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
)
from fastload.transforms._imgaug import ImgAug
from fastload.transforms._interpolation import InterpolationMode
from fastload.transforms._mix import CutMix, MixUp
from fastload.transforms._mosaic import Mosaic
from fastload.transforms._plan import Compose, FilePlan
from fastload.transforms._policies import AugMix, AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide
from fastload.transforms._sanitize import ClampBoundingBoxes, SanitizeBoundingBoxes, ToPureTensor
from fastload.transforms._scale import LetterBox, LongestMaxSize, RandomShortestSize, RandomZoomOut, ScaleJitter
from fastload.transforms._tone import (
    CLAHE,
    ColorJitter,
    HueSaturationValue,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomBrightnessContrast,
    RandomEqualize,
    RandomGamma,
    RandomGrayscale,
    RandomInvert,
    RandomPhotometricDistort,
    RandomPosterize,
    RandomSolarize,
)
from fastload.transforms._warp import (
    ElasticTransform,
    GridDistortion,
    RandomAffine,
    RandomPerspective,
    RandomRotate90,
    RandomRotation,
    Transpose,
)

__all__ = [
    "CLAHE",
    "JPEG",
    "Albumentations",
    "AugMix",
    "AutoAugment",
    "AutoAugmentPolicy",
    "BBoxSafeRandomCrop",
    "BoxParams",
    "CenterCrop",
    "ClampBoundingBoxes",
    "CoarseDropout",
    "ColorJitter",
    "Compose",
    "ConvertImageDtype",
    "CopyPaste",
    "CutMix",
    "ElasticTransform",
    "FilePlan",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "GridDistortion",
    "HueSaturationValue",
    "Identity",
    "ImgAug",
    "InterpolationMode",
    "Lambda",
    "LetterBox",
    "LongestMaxSize",
    "MixUp",
    "Mosaic",
    "MotionBlur",
    "Normalize",
    "OneOf",
    "PILToTensor",
    "Pad",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomBrightnessContrast",
    "RandomChoice",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGamma",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomIoUCrop",
    "RandomOrder",
    "RandomPerspective",
    "RandomPhotometricDistort",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotate90",
    "RandomRotation",
    "RandomShortestSize",
    "RandomSolarize",
    "RandomVerticalFlip",
    "RandomZoomOut",
    "Resize",
    "SanitizeBoundingBoxes",
    "ScaleJitter",
    "SomeOf",
    "ToDtype",
    "ToImage",
    "ToMemoryFormat",
    "ToPILImage",
    "ToPureTensor",
    "ToTensor",
    "Transform",
    "Transpose",
    "TrivialAugmentWide",
    "functional",
]
