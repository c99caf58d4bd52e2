"""With the same explicit parameters, other libraries give the same image: torchvision, OpenCV, imgaug, Albumentations.

Each pair states how far apart single levels may be (of 255), and how far the mean of all; in the middle of the image
only, where borders are another matter in the other library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torchvision_without_kernels import v2

from fastload import transforms as T

F, TV = T.functional, v2.functional
PHOTO = np.ascontiguousarray(data.astronaut()[40:280, 60:380])
BILINEAR, NEAREST, BICUBIC = (T.InterpolationMode(name) for name in ("bilinear", "nearest", "bicubic"))
Function = Callable[[Any], Any]


def of_tensor(function: Function) -> Function:
    """The function of a tensor, for arrays."""

    def of_array(image: Any) -> Any:
        return function(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy()

    return of_array


def tv_mode(mode: T.InterpolationMode) -> Any:
    return v2.InterpolationMode(mode.value)


def cv_affine(angle: float, scale: float, shift: tuple[float, float], flags: int) -> Function:
    """OpenCV counts from the centres of pixels."""

    def warped(image: Any) -> Any:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle, scale)
        matrix[:, 2] += shift
        return cv2.warpAffine(image, matrix, (width, height), flags=flags)

    return warped


def cv_perspective(start: Any, end: Any) -> Function:
    def warped(image: Any) -> Any:
        shifted = [np.array(points, dtype=np.float32) - 0.5 for points in (start, end)]
        matrix = cv2.getPerspectiveTransform(*shifted)
        return cv2.warpPerspective(image, matrix, (image.shape[1], image.shape[0]), flags=cv2.INTER_LINEAR)

    return warped


def cv_clahe(image: Any) -> Any:
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[:, :, 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def cv_jpeg(quality: int) -> Function:
    def through(image: Any) -> Any:
        _, raw = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(raw, cv2.IMREAD_COLOR)[:, :, ::-1]

    return through


def albumentations(transform: Any) -> Function:
    return lambda image: transform(image=image)["image"]


def imgaug(augmenter: Any) -> Function:
    return lambda image: augmenter(image=image)


START = [[0, 0], [320, 0], [320, 240], [0, 240]]
END = [[20, 10], [300, 0], [310, 235], [5, 220]]
FIELD = (torch.rand(1, 240, 320, 2, generator=torch.Generator().manual_seed(0)) - 0.5) * 0.03

# ours, theirs, most, mean, border (pixels that are left out)
PAIRS: dict[str, tuple[Function, Function, float, float, int]] = {
    "affine nearest, torchvision": (
        lambda i: F.affine(i, 20, (5, -7), 1.1, (3, 2), NEAREST),
        of_tensor(lambda i: TV.affine(i, 20, [5, -7], 1.1, [3, 2], tv_mode(NEAREST))),
        0,
        0,
        0,
    ),
    "affine bilinear, torchvision": (
        lambda i: F.affine(i, 20, (5, -7), 1.1, (3, 2), BILINEAR),
        of_tensor(lambda i: TV.affine(i, 20, [5, -7], 1.1, [3, 2], tv_mode(BILINEAR))),
        1,
        0.1,
        60,
    ),
    "rotate bilinear, torchvision": (
        lambda i: F.rotate(i, 33, BILINEAR, fill=0),
        of_tensor(lambda i: TV.rotate(i, 33, tv_mode(BILINEAR), fill=0)),
        1,
        0.1,
        70,
    ),
    # A centre that lies between two pixels goes to either, by the rounding of torchvision's float32: few do, if any.
    "rotate, expanded, torchvision": (
        lambda i: F.rotate(i, 33, NEAREST, expand=True),
        of_tensor(lambda i: TV.rotate(i, 33, tv_mode(NEAREST), expand=True)),
        255,
        0.005,
        0,
    ),
    "perspective, torchvision": (
        lambda i: F.perspective(i, START, END, BILINEAR),
        of_tensor(lambda i: TV.perspective(i, START, END, tv_mode(BILINEAR))),
        1,
        0.1,
        30,
    ),
    "elastic, torchvision": (
        lambda i: F.elastic(i, FIELD, BILINEAR),
        of_tensor(lambda i: TV.elastic(i, FIELD, tv_mode(BILINEAR))),
        1,
        0.1,
        8,
    ),
    "affine bilinear, OpenCV": (
        lambda i: F.affine(i, 25, (4, 3), 1.2, 0.0, BILINEAR),
        cv_affine(25, 1.2, (4, 3), cv2.INTER_LINEAR),
        4,
        0.15,
        60,
    ),
    "affine bicubic, OpenCV": (
        lambda i: F.affine(i, 25, (4, 3), 1.2, 0.0, BICUBIC),
        cv_affine(25, 1.2, (4, 3), cv2.INTER_CUBIC),
        4,
        0.15,
        60,
    ),
    "perspective, OpenCV": (
        lambda i: F.perspective(i, START, END, BILINEAR),
        cv_perspective(START, END),
        5,
        0.15,
        30,
    ),
    "affine, imgaug": (
        lambda i: F.affine(i, 15, (6, 2), 1.2, 0.0, BILINEAR),
        imgaug(iaa.Affine(rotate=15, scale=1.2, translate_px={"x": 6, "y": 2}, order=1, backend="cv2")),
        4,
        0.15,
        60,
    ),
    "brightness": (lambda i: F.adjust_brightness(i, 1.3), of_tensor(lambda i: TV.adjust_brightness(i, 1.3)), 0, 0, 0),
    "contrast": (lambda i: F.adjust_contrast(i, 0.7), of_tensor(lambda i: TV.adjust_contrast(i, 0.7)), 1, 0.5, 0),
    "saturation": (lambda i: F.adjust_saturation(i, 1.6), of_tensor(lambda i: TV.adjust_saturation(i, 1.6)), 1, 0.5, 0),
    "hue": (lambda i: F.adjust_hue(i, 0.1), of_tensor(lambda i: TV.adjust_hue(i, 0.1)), 1, 0.2, 0),
    "gamma": (lambda i: F.adjust_gamma(i, 1.7), of_tensor(lambda i: TV.adjust_gamma(i, 1.7)), 0, 0, 0),
    "sharpness": (lambda i: F.adjust_sharpness(i, 1.8), of_tensor(lambda i: TV.adjust_sharpness(i, 1.8)), 1, 0.01, 0),
    "invert": (F.invert, of_tensor(TV.invert), 0, 0, 0),
    "posterize": (lambda i: F.posterize(i, 3), of_tensor(lambda i: TV.posterize(i, 3)), 0, 0, 0),
    "solarize": (lambda i: F.solarize(i, 100), of_tensor(lambda i: TV.solarize(i, 100)), 0, 0, 0),
    "autocontrast": (F.autocontrast, of_tensor(TV.autocontrast), 0, 0, 0),
    "equalize": (F.equalize, of_tensor(TV.equalize), 0, 0, 0),
    "blur, torchvision": (
        lambda i: F.gaussian_blur(i, 7, 1.5),
        of_tensor(lambda i: TV.gaussian_blur(i, [7, 7], [1.5, 1.5])),
        1,
        0.05,
        0,
    ),
    "blur of other width and height, torchvision": (
        T.GaussianBlur((3, 9), 1.5),
        of_tensor(v2.GaussianBlur((3, 9), 1.5)),
        1,
        0.05,
        0,
    ),
    "blur, OpenCV": (lambda i: F.gaussian_blur(i, 7, 1.5), lambda i: cv2.GaussianBlur(i, (7, 7), 1.5), 1, 0.05, 0),
    "clahe, OpenCV": (T.CLAHE((2.0, 2.0), p=1.0), cv_clahe, 16, 1.5, 0),
    "clahe, Albumentations": (
        T.CLAHE((2.0, 2.0), p=1.0),
        albumentations(A.CLAHE((2.0, 2.0), p=1.0)),
        16,
        1.5,
        0,
    ),
    "jpeg, OpenCV": (lambda i: F.jpeg(i, 40), cv_jpeg(40), 0, 0, 0),
    "brightness and contrast, Albumentations": (
        T.RandomBrightnessContrast((0.2, 0.2), (0.3, 0.3), p=1.0),
        albumentations(A.RandomBrightnessContrast((0.2, 0.2), (0.3, 0.3), p=1.0)),
        1,
        0.4,
        0,
    ),
    "brighter in a safe range, Albumentations": (
        T.RandomBrightnessContrast((0.3, 0.3), (0.4, 0.4), True, True, 1.0),
        albumentations(A.RandomBrightnessContrast((0.3, 0.3), (0.4, 0.4), True, True, 1.0)),
        1,
        0.6,
        0,
    ),
    "darker in a safe range, Albumentations": (
        T.RandomBrightnessContrast((-0.3, -0.3), (0.4, 0.4), ensure_safe_range=True, p=1.0),
        albumentations(A.RandomBrightnessContrast((-0.3, -0.3), (0.4, 0.4), ensure_safe_range=True, p=1.0)),
        1,
        0.6,
        0,
    ),
    "negative in a safe range, Albumentations": (
        T.RandomBrightnessContrast((0.3, 0.3), (-1.9, -1.9), ensure_safe_range=True, p=1.0),
        albumentations(A.RandomBrightnessContrast((0.3, 0.3), (-1.9, -1.9), ensure_safe_range=True, p=1.0)),
        1,
        0.6,
        0,
    ),
    "safe by the mean, Albumentations": (
        T.RandomBrightnessContrast((0.3, 0.3), (0.4, 0.4), False, True, 1.0),
        albumentations(A.RandomBrightnessContrast((0.3, 0.3), (0.4, 0.4), False, True, 1.0)),
        1,
        0.6,
        0,
    ),
    "hue, saturation, value, Albumentations": (
        T.HueSaturationValue((12, 12), (25, 25), (-15, -15), p=1.0),
        albumentations(A.HueSaturationValue((12, 12), (25, 25), (-15, -15), p=1.0)),
        30,
        0.5,
        0,
    ),
    "gamma, Albumentations": (
        T.RandomGamma((130, 130), p=1.0),
        albumentations(A.RandomGamma((130, 130), p=1.0)),
        1,
        0.6,
        0,
    ),
    "letter box, Albumentations": (
        T.Compose([T.LongestMaxSize(200), T.LetterBox((200, 200), fill=0)]),
        albumentations(
            A.Compose([A.LongestMaxSize(200, interpolation=cv2.INTER_AREA), A.PadIfNeeded(200, 200, fill=0)])
        ),
        30,
        1.0,
        0,
    ),
    "transpose, Albumentations": (T.Transpose(1.0), albumentations(A.Transpose(p=1.0)), 0, 0, 0),
    "flips, imgaug": (
        T.Compose([T.RandomHorizontalFlip(1.0), T.RandomVerticalFlip(1.0)]),
        imgaug(iaa.Sequential([iaa.Fliplr(1.0), iaa.Flipud(1.0)])),
        0,
        0,
        0,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_images_are_the_same(name: str) -> None:
    ours, theirs, most, mean, border = PAIRS[name]
    one, other = np.asarray(ours(PHOTO)), np.asarray(theirs(PHOTO))
    assert one.shape == other.shape
    inner = slice(border, -border or None)
    apart = np.abs(one.astype(int) - other)[inner, inner]
    assert (apart.max() <= most, apart.mean() <= mean) == (True, True), (int(apart.max()), float(apart.mean()))


FLOATS: dict[str, tuple[Any, Any]] = {
    "posterize": (lambda i: F.posterize(i, 3), lambda i: TV.posterize(i, 3)),
    "posterize to nothing": (lambda i: F.posterize(i, 0), lambda i: TV.posterize(i, 0)),
    "solarize": (lambda i: F.solarize(i, 0.4), lambda i: TV.solarize(i, 0.4)),
    "autocontrast": (F.autocontrast, TV.autocontrast),
    "equalize": (F.equalize, TV.equalize),
    "invert": (F.invert, TV.invert),
}


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.int16])
def test_tensors_of_other_values_and_batches_are_torchvisions(name: str, dtype: torch.dtype) -> None:
    planes = torch.from_numpy(PHOTO).permute(2, 0, 1)[:, :90, :120].contiguous()
    batch = F.to_dtype(torch.stack([planes, planes.flip(-1) // 2 + 30]), dtype, scale=True)
    ours, theirs = FLOATS[name]
    expected = theirs(batch).double()
    most = 1e-6 if dtype.is_floating_point else int(name == "autocontrast")  # which is rounded, not cut off
    assert (ours(batch).double() - expected).abs().max() <= most


def test_clahe_of_floats_goes_by_levels_as_in_albumentations() -> None:
    floats = (PHOTO / 255).astype(np.float32)
    clahe = T.CLAHE((2.0, 2.0), p=1.0)
    assert np.abs(clahe(floats) * 255 - clahe(PHOTO)).max() < 1e-3
    theirs = A.CLAHE((2.0, 2.0), p=1.0)(image=floats)["image"]
    assert np.abs(clahe(floats) - theirs).mean() < 1.5 / 255


@pytest.mark.parametrize("frame", [(100, 120), (100, None), (None, 150)])
def test_what_fits_a_frame_is_albumentations(frame: tuple[int | None, int | None]) -> None:
    ours = T.LongestMaxSize(max_size_hw=frame)(PHOTO).shape
    theirs = A.LongestMaxSize(max_size_hw=frame)(image=PHOTO)["image"].shape
    assert max(abs(one - other) for one, other in zip(ours, theirs, strict=True)) <= 1, "they round, we cut off"


def test_an_inverse_map_returns_to_the_start() -> None:
    matrix = np.array([[1.02, 0.1, -8.0], [-0.08, 0.97, 5.0], [1e-4, -5e-5, 1.0]])
    there = F.warp(PHOTO, matrix, (240, 320), BICUBIC)
    back = F.warp(there, np.linalg.inv(matrix), (240, 320), BICUBIC)
    apart = np.abs(back.astype(int) - PHOTO)[40:-40, 40:-40]
    assert apart.mean() < 3


@pytest.mark.parametrize("mode", ["L", "RGB", "F", "LA", "RGBA"])
@pytest.mark.parametrize("flip", [T.Albumentations(A.HorizontalFlip(p=1.0)), T.ImgAug(iaa.Fliplr(1.0))])
def test_pil_images_keep_their_mode_in_other_libraries(mode: str, flip: Any) -> None:
    image = Image.fromarray(PHOTO).convert(mode)
    made = flip(image)
    assert made.mode == mode
    assert np.array_equal(np.asarray(made), np.asarray(image)[:, ::-1])
