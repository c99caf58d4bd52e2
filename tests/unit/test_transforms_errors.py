"""Wrong arguments and wrong images: each error names what came and what was wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.images import CONTAINERS, image_of, pixels

from fastload import transforms as T
from fastload.transforms import functional as F

ARGUMENTS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: T.Resize(0), ValueError, r"each at least 1, got 0"),
    (lambda: T.Resize(2.5), TypeError, r"size must be an int or a sequence of one or two ints, got 2.5"),
    (lambda: T.Resize(True), TypeError, r"size must be an int"),
    (lambda: T.Resize("12"), TypeError, r"size must be an int"),
    (lambda: T.Resize([1, 2, 3]), ValueError, r"one or two ints \(height, width\).*got \[1, 2, 3\]"),
    (lambda: T.Resize(None), ValueError, r"max_size must be given where size is None"),
    (lambda: T.Resize(20, max_size=20), ValueError, r"greater than the size of the shorter side, 20; got 20"),
    (lambda: T.Resize((20, 30), max_size=40), ValueError, r"max_size goes with a size for the shorter side alone"),
    (lambda: T.Resize(20, max_size=40.5), TypeError, r"max_size must be an int or None, got 40.5"),
    (lambda: T.Resize(20, "linear"), ValueError, r"InterpolationMode, one of nearest, .*got 'linear'"),
    (lambda: T.Resize(20, 17), ValueError, r"got 17"),
    (lambda: T.CenterCrop((3, -1)), ValueError, r"got \(3, -1\)"),
    (lambda: T.RandomResizedCrop(8, scale=0.5), TypeError, r"scale must be a sequence of two numbers.*got 0.5"),
    (lambda: T.RandomResizedCrop(8, scale=(0.5, 0.1)), ValueError, r"0 <= low <= high and high > 0, got \(0.5, 0.1\)"),
    (lambda: T.RandomResizedCrop(8, scale=(-1, 0.1)), ValueError, r"scale must be \(low, high\)"),
    (lambda: T.RandomResizedCrop(8, ratio=(0, 1)), ValueError, r"ratio must be \(low, high\) with 0 < low"),
    (lambda: T.RandomResizedCrop(8, ratio=(1, 2, 3)), ValueError, r"got 3 values: \(1, 2, 3\)"),
    (lambda: T.RandomResizedCrop(8, ratio=(1, float("inf"))), ValueError, r"ratio must be"),
    (lambda: T.RandomResizedCrop(8, scale=(float("nan"), 1)), ValueError, r"scale must be"),
    (lambda: T.RandomHorizontalFlip(1.5), ValueError, r"p must be a probability, in \[0, 1\]; got 1.5"),
    (lambda: T.RandomVerticalFlip("x"), TypeError, r"p must be a number in \[0, 1\], got 'x'"),
    (lambda: T.Pad("1"), TypeError, r"padding must be an int or a sequence of 1, 2 or 4 ints, got '1'"),
    (lambda: T.Pad((1, 2, 3)), ValueError, r"1, 2 or 4 ints, got 3"),
    (lambda: T.Pad(1.5), TypeError, r"got 1.5"),
    (lambda: T.Pad(1, padding_mode="wrap"), ValueError, r"constant, edge, reflect, symmetric; got 'wrap'"),
    (lambda: T.Pad(1, fill="red"), TypeError, r"fill must be a number or a sequence of numbers.*got 'red'"),
    (lambda: T.Pad(1, fill=()), ValueError, r"got an empty sequence"),
    (lambda: T.RandomCrop(4, padding=(1, 2, 3)), ValueError, r"got 3"),
    (lambda: T.Grayscale(2), ValueError, r"num_output_channels must be 1 or 3, got 2"),
    (lambda: T.Grayscale(True), TypeError, r"num_output_channels must be the int 1 or 3, got True"),
    (lambda: T.Grayscale(torch.tensor([1, 2])), TypeError, r"num_output_channels must be .* got tensor\(\[1, 2\]\)"),  # type: ignore[arg-type]
    (lambda: T.Normalize(None, [0.5]), TypeError, r"mean must be a number or a sequence of numbers, .* got None"),  # type: ignore[arg-type]
    (lambda: T.Normalize([0.5], "a"), TypeError, r"std must be a number or a sequence of numbers, .* got 'a'"),  # type: ignore[arg-type]
    (lambda: T.Normalize(b"xy", [1.0, 1.0]), TypeError, r"mean must be a number or .* got b'xy'"),
    (lambda: T.Normalize(bytearray(b"xy"), [1.0, 1.0]), TypeError, r"mean must be .* got bytearray\(b'xy'\)"),
    (lambda: T.Normalize([True], [1]), TypeError, r"mean must be .* got \[True\]"),
    (lambda: T.Normalize(torch.tensor([[0.5]]), [1]), TypeError, r"mean must be .* got tensor\(\[\[0\.5000\]\]\)"),  # type: ignore[arg-type]
    (lambda: T.Normalize([], [1]), ValueError, r"mean must have a value for each channel, got \[\]"),
    (lambda: T.Normalize([0.5, float("nan")], 1), ValueError, r"mean must be a finite number, got nan"),
    (lambda: T.Normalize(0.5, float("inf")), ValueError, r"std must be a finite number, got inf"),
    (lambda: T.GaussianNoise(float("nan")), ValueError, r"mean must be a finite number, got nan"),
    (lambda: F.gaussian_noise(None, float("inf")), ValueError, r"mean must be a finite number, got inf"),
    (lambda: F.gaussian_noise(None, 0, float("nan")), ValueError, r"sigma must be a number, 0 or more; got nan"),
    (lambda: T.RandomSolarize(float("nan")), ValueError, r"threshold must be a finite number, got nan"),
    (lambda: F.solarize(None, float("inf")), ValueError, r"threshold must be a finite number, got inf"),
    (lambda: T.RandomAffine(9, center=(float("nan"), 0)), ValueError, r"center must be a finite number, got nan"),
    (lambda: T.RandomRotation(9, center=(0, float("inf"))), ValueError, r"center must be a finite number, got inf"),
    (lambda: T.RandomRotation(10**400), TypeError, "degrees must be .*, got 1000"),
    (lambda: T.Normalize([10**400], [1]), TypeError, r"mean must be .*; got \[1000"),
    (lambda: T.RandomAdjustSharpness(10**400), ValueError, "sharpness_factor must be .*; got 1000"),
    (lambda: T.RandomIoUCrop(trials=2**40), ValueError, r"trials must be at most 268435456, got 1099511627776"),
    (lambda: T.RandomIoUCrop(sampler_options=[float("nan")]), ValueError, r"sampler_options must be a finite number"),
    (lambda: T.Normalize([0.5], [0.0]), ValueError, r"std must not be 0, got \[0.0\]"),
    (lambda: T.ToDtype("float32"), TypeError, r"dtype must be a torch.dtype, or a dict.*got 'float32'"),
    (lambda: T.ToDtype({torch.Tensor: "float32"}), TypeError, r"got 'float32' in it"),
    (lambda: T.Lambda(3), TypeError, r"lambd must be callable, got 3"),
    (lambda: T.Compose([]), ValueError, r"at least one transform"),
    (lambda: T.Compose(T.Identity()), TypeError, r"must be a sequence of callables, got Identity\(\)"),
    (lambda: T.Compose([T.Identity(), 3]), TypeError, r"transforms\[1\] must be callable, got 3"),
    (lambda: T.Compose(b"ab"), TypeError, r"must be a sequence of callables, got b'ab'"),
    (lambda: T.Compose(torch.tensor(1)), TypeError, r"must be a sequence of callables, got tensor\(1\)"),
    (lambda: T.RandomApply(torch.tensor(1)), TypeError, r"must be a sequence of callables, got tensor\(1\)"),
    (lambda: T.RandomChoice(torch.tensor(1)), TypeError, r"must be a sequence of callables, got tensor\(1\)"),
    (lambda: T.OneOf(np.array(1)), TypeError, r"must be a sequence of callables, got array\(1\)"),
    (lambda: T.SanitizeBoundingBoxes(labels_getter=3.5), TypeError, r"labels_getter must be .* got 3\.5"),
    (lambda: T.SanitizeBoundingBoxes(labels_getter="x"), ValueError, r"labels_getter must be 'default' or .* got 'x'"),
    (
        lambda: T.CoarseDropout(hole_height_range=("a", "b")),
        TypeError,
        r"hole_height_range must be .* got \('a', 'b'\)",
    ),
    (lambda: T.CoarseDropout(hole_width_range=None), TypeError, r"hole_width_range must be .*\(low, high\), got None"),
    (lambda: T.CoarseDropout(hole_width_range=(0, None)), TypeError, r"hole_width_range must be .* got \(0, None\)"),
    (
        lambda: T.CoarseDropout(hole_height_range=(float("nan"),) * 2),
        ValueError,
        r"hole_height_range must .* got \(nan",
    ),
    (
        lambda: T.CoarseDropout(hole_height_range=(0.5, 2.0)),
        ValueError,
        r"ints, which are pixels, or parts .* got \(0\.5, 2\.0\)",
    ),
    (lambda: T.CoarseDropout(hole_height_range=(-1, 2)), ValueError, r"hole_height_range must be .* got \(-1, 2\)"),
    (lambda: T.RandomErasing(scale=(0.5, 1.1)), ValueError, r"scale must be \(low, high\) .* <= 1, got \(0\.5, 1\.1\)"),
    (lambda: T.RandomErasing(scale=(-0.1, 0.5)), ValueError, r"scale must be \(low, high\) with 0 <= low"),
    (lambda: T.RandomIoUCrop(0, 0), ValueError, r"\(min_scale, max_scale\) must be .* high > 0, got \(0, 0\)"),
    (
        lambda: T.GridDistortion(distort_limit=(-1, -1)),
        ValueError,
        r"distort_limit .* nothing is left .* got \(-1, -1\)",
    ),
    (lambda: T.GridDistortion(distort_limit=1.5), ValueError, r"distort_limit must be within \[-1, 1\], .* got 1\.5"),
    (lambda: T.TrivialAugmentWide(0), ValueError, r"num_magnitude_bins must be an int, 1 or more; got 0"),
]


@pytest.mark.parametrize(("make", "error", "text"), ARGUMENTS)
def test_a_wrong_argument_is_told_at_once(make: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_pillows_integers_stand_for_its_filters() -> None:
    for name in ("NEAREST", "LANCZOS", "BILINEAR", "BICUBIC", "BOX", "HAMMING"):
        assert T.Resize(2, int(Image.Resampling[name])).interpolation.name == name


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("as_floats", [False, True])
def test_a_crop_larger_than_the_image_is_refused(container: str, as_floats: bool) -> None:
    image = image_of(pixels(8, 9), container)
    if as_floats and container != "pil":
        image = T.ToDtype(torch.float32)(image)
    with pytest.raises(ValueError, match=r"12 x 4 \(height x width\) does not fit into 10 x 11.*pad_if_needed=True"):
        T.RandomCrop((12, 4), padding=1)(image)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_a_border_needs_pixels_to_mirror(container: str, mode: str) -> None:
    image = image_of(pixels(4, 5), container)
    for pad in (
        T.Pad((6, 0), padding_mode=mode),
        lambda one: F.pad(one, [6, 0], padding_mode=mode),
        lambda one: F.pad(one, [-3, 0, 3, 0], padding_mode=mode),
    ):
        with pytest.raises(ValueError, match=r"margins of .* \(left, top, right, bottom\) cannot be"):
            pad(image)


@pytest.mark.parametrize("container", CONTAINERS)
def test_margins_that_leave_nothing_are_refused(container: str) -> None:
    image = image_of(pixels(4, 5), container)
    for pad in (T.Pad(-2), lambda one: F.pad(one, -2), T.Pad([-6, 0, 9, 0]), lambda one: F.pad(one, [-6, 0, 9, 0])):
        with pytest.raises(ValueError, match=r"leave nothing of 4 x 5"):
            pad(image)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_fill_must_have_the_image_s_channels(container: str) -> None:
    with pytest.raises(ValueError, match=r"fill has 2 values, the image has 3 channels"):
        T.Pad(1, fill=(1, 2))(image_of(pixels(), container))
    with pytest.raises(ValueError, match=r"fill has 3 values, the image has 1 channels"):
        T.RandomCrop(40, pad_if_needed=True, fill=(1, 2, 3))(image_of(pixels(channels=1), container))


@pytest.mark.parametrize("container", ["array", "tensor"])
def test_a_fill_of_8_bit_images_is_a_level(container: str) -> None:
    with pytest.raises(ValueError, match=r"fill must be in \[0, 255\] for an 8-bit image, got 256"):
        T.Pad(1, fill=256)(image_of(pixels(), container))
    floats = T.ToDtype(torch.float32)(image_of(pixels(), container))
    assert (np.asarray(T.Pad(1, fill=-2.5)(floats)) == -2.5).any()


EMPTY = [torch.zeros(3, 0, 4, dtype=torch.uint8), torch.zeros(2, 3, 4, 0), np.zeros((0, 4, 3), np.uint8)]


@pytest.mark.parametrize("image", [*EMPTY, Image.new("RGB", (0, 4))], ids=lambda image: type(image).__name__)
@pytest.mark.parametrize(
    "transform", [T.Resize(4), T.CenterCrop(2), T.Pad(1), T.RandomHorizontalFlip(), T.RandomCrop(1), T.Grayscale()]
)
def test_an_image_without_pixels_is_refused(image: Any, transform: T.Transform) -> None:
    with pytest.raises(ValueError, match=r"at least one pixel"):
        transform(image)


@pytest.mark.parametrize("value", ["photo.jpg", None, 3, object()])
def test_what_is_no_image_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a PIL image, a NumPy array or a tensor, got"):
        T.Resize(4)(value)
    with pytest.raises(TypeError, match=r"no PIL image, array or tensor in this sample: tuple of \(str, int\)"):
        T.Resize(4)("photo.jpg", 3)
    with pytest.raises(TypeError, match=r"called with an image"):
        T.Resize(4)()


@pytest.mark.parametrize("image", [np.zeros((2, 4, 4, 3), np.uint8), np.zeros(4, np.uint8), torch.zeros(4)])
def test_a_shape_that_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match=r"must be \(.*, got shape"):
        T.Resize(4)(image)


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (
            image_of(pixels(), "pil"),
            TypeError,
            r"takes no PIL images: convert them with ToImage and ToDtype, or ToTensor",
        ),
        (image_of(pixels(), "tensor"), TypeError, r"takes floats, got torch.uint8: put ToDtype"),
        (image_of(pixels(), "array"), TypeError, r"takes floats, got torch.uint8"),
        (torch.rand(4, 4), ValueError, r"must be \(\.\.\., C, H, W\) to be normalised, got shape \(4, 4\)"),
        (torch.rand(2, 4, 4), ValueError, r"mean must have a value for each of the 2 channels"),
    ],
)
def test_normalize_refuses_what_it_cannot_do(image: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        T.Normalize([0.1, 0.2, 0.3], [1, 1, 1])(image)


def test_conversions_refuse_what_cannot_be_held() -> None:
    with pytest.raises(RuntimeError, match=r"torch.float32 cannot hold all values of torch.int32"):
        F.to_dtype(torch.rand(3, 2, 2), torch.int32, scale=True)
    with pytest.raises(TypeError, match=r"values of torch.uint32 have no range"):
        F.to_dtype(torch.zeros(3, 2, 2, dtype=torch.uint8), torch.uint32, scale=True)
    with pytest.raises(ValueError, match=r"1 to 4 channels, got 5"):
        F.to_pil_image(torch.zeros(5, 2, 2, dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"3 channels needs uint8, got float32"):
        F.to_pil_image(np.zeros((2, 2, 3), np.float32))
    with pytest.raises(ValueError, match=r"mode must be one of RGB, YCbCr, HSV, LAB for 3 channels, got L"):
        F.to_pil_image(torch.zeros(3, 2, 2, dtype=torch.uint8), "L")
    with pytest.raises(ValueError, match=r"2 or 3 dimensions; got shape \(1, 3, 2, 2\)"):
        F.to_pil_image(torch.zeros(1, 3, 2, 2))


def test_a_filter_that_torch_has_not_is_for_8_bit_images() -> None:
    assert F.resize(image_of(pixels(), "tensor"), [4, 4], T.InterpolationMode.LANCZOS).shape == (3, 4, 4)
    with pytest.raises(ValueError, match=r"'lanczos' is for 8-bit images; torch.float32 on cpu takes nearest"):
        F.resize(torch.rand(3, 8, 8), [4, 4], T.InterpolationMode.LANCZOS)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_side_that_would_be_lost_is_told(container: str) -> None:
    image = image_of(pixels(400, 2), container)
    for resize in (T.Resize(None, max_size=50), lambda one: F.resize(one, None, max_size=50)):
        with pytest.raises(ValueError, match=r"400 x 2"):
            resize(image)


@pytest.mark.parametrize(
    "transform",
    [
        T.RandomZoomOut(side_range=(1, 1e9), p=1),
        T.ScaleJitter((20, 20), (1e9, 1e10)),
        T.Resize((2**20, 2**20)),
        T.Resize(2**28),
        T.Pad(2**27),
        T.RandomCrop(2**27, pad_if_needed=True),
        T.CenterCrop(2**27),
        T.LongestMaxSize(2**28),
        T.LetterBox((2**27, 2**27)),
        T.RandomShortestSize([2**28]),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_images_beyond_all_memory_are_refused_at_once(transform: Any) -> None:
    """Sides of that many pixels, and their sums and products, are more than native code could count."""
    image = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(ValueError, match=r"would become \d+ x \d+; an image may have 536870912 in all"):
        transform(image)


@pytest.mark.parametrize("pixels", [2**28 + 1, 2**31, 2**63])
@pytest.mark.parametrize(
    "make",
    [
        T.Resize,
        T.Pad,
        lambda side: T.Pad(-side),
        T.RandomCrop,
        T.CenterCrop,
        T.LetterBox,
        T.ScaleJitter,
        T.RandomShortestSize,
        T.LongestMaxSize,
        lambda side: T.LongestMaxSize(max_size_hw=(None, side)),
        lambda side: T.Resize(None, max_size=side),
        lambda side: T.RandomShortestSize(20, max_size=side),
        lambda side: F.resize(np.zeros((20, 30, 3), np.uint8), [20, side]),
    ],
)
def test_sides_that_no_image_has_are_refused(make: Any, pixels: int) -> None:
    with pytest.raises(ValueError, match=r"must be at most 268435456 pixels, no image has more a side; got \d+"):
        make(pixels)


@pytest.mark.parametrize("mode", T.InterpolationMode)
def test_interpolations_go_by_their_names(mode: T.InterpolationMode) -> None:
    assert T.Resize(20, mode.value).interpolation is mode
    assert F.resize(pixels(), [8, 9], mode.value).tolist() == F.resize(pixels(), [8, 9], mode).tolist()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: T.GaussianBlur(2**20 + 1), "kernel_size"),
        (lambda: T.MotionBlur((3, 2001)), "blur_limit"),
        (lambda: T.CLAHE(tile_grid_size=(8, 10**5)), "tile_grid_size"),
        (lambda: T.ElasticTransform(sigma=1e9), "sigma"),
        (lambda: T.GridDistortion(10**9), "num_steps"),
        (lambda: T.CoarseDropout((1, 10**9)), "num_holes_range"),
    ],
)
def test_numbers_that_would_take_all_time_and_memory_are_refused(make: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at most"):
        make()
