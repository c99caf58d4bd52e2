"""Images that no native program takes: floats, wide integers, batches, and the other modes of PIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.images import array_of, pixels

from fastload import transforms as T
from fastload.transforms import functional as F

PLANES = torch.from_numpy(pixels(20, 30)).permute(2, 0, 1).contiguous()
BATCH = torch.stack([PLANES, PLANES.flip(-1), PLANES // 2])
ANY: dict[str, Callable[[], Any]] = {
    "equalize": lambda: T.RandomEqualize(1.0),
    "clahe": lambda: T.CLAHE(p=1.0),
    "posterize": lambda: T.RandomPosterize(3, 1.0),
    "solarize": lambda: T.RandomSolarize(0.4, 1.0),
    "auto": T.AutoAugment,
    "rand": T.RandAugment,
    "trivial": T.TrivialAugmentWide,
    "mix": T.AugMix,
}


def drawn(transform: Any, image: Any, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return transform(image)


def test_floats_are_posterized_in_even_steps() -> None:
    values = torch.tensor([[[0.0, 0.124, 0.125, 0.5, 0.9, 1.0]]])
    expected = torch.tensor([[[0.0, 0.0, 0.125, 0.5, 0.875, 0.875]]])
    assert torch.equal(F.posterize(values, 3), expected)
    assert torch.equal(T.RandomPosterize(3, 1.0)(values), expected)
    assert F.posterize(values, 0).max() == 0


def test_integers_keep_their_first_bits() -> None:
    values = torch.tensor([[[0, 4095, 4096, 32767]]], dtype=torch.int16)
    assert F.posterize(values, 3).tolist() == [[[0, 0, 4096, 28672]]]
    assert F.invert(values).tolist() == [[[32767, 28672, 28671, 0]]]
    assert F.solarize(values, 4096).tolist() == [[[0, 4095, 28671, 0]]]


def test_a_threshold_counts_as_the_values_do() -> None:
    values = torch.tensor([[[0.0, 0.25, 0.5, 1.0]]])
    assert F.solarize(values, 0.5).tolist() == [[[0.0, 0.25, 0.5, 0.0]]]
    with pytest.raises(ValueError, match=r"threshold must be at most 1 for images of torch.float32, got 128"):
        T.RandomSolarize(128, 1.0)(values)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_integers_are_compared_with_a_threshold_exactly(dtype: torch.dtype) -> None:
    whole = torch.iinfo(dtype).max
    values = torch.tensor([[[whole, whole - 1, whole - 2, 7, -5]]], dtype=dtype)
    assert F.solarize(values, whole).tolist() == [[[0, whole - 1, whole - 2, 7, -5]]]
    assert F.solarize(values, 6.5).tolist() == [[[0, 1, 2, whole - 7, -5]]]
    assert torch.equal(F.solarize(values[..., :4], -1e30), F.invert(values[..., :4]))
    with pytest.raises(ValueError, match="threshold must be at most"):
        F.solarize(values, 2.0 * whole + 2)


@pytest.mark.parametrize("policy", [T.RandAugment(magnitude=0), T.AugMix(severity=1), T.TrivialAugmentWide()])
def test_policies_take_integers_of_any_width(policy: T.Transform) -> None:
    values = torch.full((3, 8, 8), 1 << 62)
    for seed in range(60):  # some of them solarize, from the greatest value on
        torch.manual_seed(seed)
        assert policy(values).dtype == torch.int64


@pytest.mark.parametrize("gamma", [0.4, 1.0, 2.2])
def test_what_is_less_than_black_is_black_to_a_power(gamma: float) -> None:
    values = torch.tensor([[[-0.5, -1e-9, 0.0, 1.0]]])
    assert F.adjust_gamma(values, gamma).tolist() == [[[0.0, 0.0, 0.0, 1.0]]]
    assert torch.equal(T.RandomGamma((100 * gamma, 100 * gamma), 1.0)(values), F.adjust_gamma(values, gamma))


@pytest.mark.parametrize("name", [name for name in ANY if name != "mix"])
def test_floats_are_changed_as_levels_are(name: str) -> None:
    transform, near = ANY[name](), 0
    floats = F.to_dtype(PLANES, torch.float32, scale=True)
    for seed in range(12):
        of_levels = T.RandomSolarize(0.4 * 255, 1.0) if name == "solarize" else transform
        levels = drawn(of_levels, PLANES, seed)
        made = drawn(transform, floats, seed)
        assert made.dtype == torch.float32
        assert made.shape == PLANES.shape
        distances = abs(made * 255 - levels)
        near += (distances <= 20).float().mean() > 0.95
        array = drawn(transform, floats.permute(1, 2, 0).numpy(), seed)
        assert np.array_equal(array, made.permute(1, 2, 0).numpy())
    assert near == 12


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_floats_are_equalised_by_their_levels(dtype: torch.dtype) -> None:
    floats = F.to_dtype(PLANES, dtype, scale=True)
    for change in (F.equalize, T.CLAHE((2, 2), p=1.0)):
        made = change(floats)
        assert made.dtype == dtype
        assert torch.equal(made, F.to_dtype(change(PLANES), dtype, scale=True))
    assert F.equalize(torch.rand(2, 5, 8, 9)).shape == (2, 5, 8, 9)


def test_a_mixture_of_floats() -> None:
    floats = PLANES / 255
    for seed in range(8):
        made = drawn(T.AugMix(), floats, seed)
        assert made.dtype == torch.float32
        assert (made * 255 - drawn(T.AugMix(), PLANES, seed)).abs().mean() < 3
        array = drawn(T.AugMix(), floats.permute(1, 2, 0).numpy(), seed)
        assert np.allclose(array, made.permute(1, 2, 0).numpy(), atol=1e-5)


@pytest.mark.parametrize("name", [*ANY, "jpeg", "erase", "erase noise", "jitter", "motion", "blur"])
def test_a_batch_of_levels_is_changed_image_by_image_with_one_draw(name: str) -> None:
    more: dict[str, Callable[[], Any]] = {
        "jpeg": lambda: T.JPEG((10, 90)),
        "erase": lambda: T.RandomErasing(1.0, value=[1, 2, 3]),
        "erase noise": lambda: T.RandomErasing(1.0, value="random"),
        "jitter": lambda: T.ColorJitter(0.5, 0.5, 0.5, 0.2),
        "motion": lambda: T.MotionBlur(p=1.0),
        "blur": lambda: T.GaussianBlur(5),
    }
    transform = {**ANY, **more}[name]()
    for seed in range(5):
        made = drawn(transform, BATCH, seed)
        assert made.dtype == torch.uint8
        if name != "erase noise":  # each kind of image has noise of its own
            assert torch.equal(made, torch.stack([drawn(transform, image, seed) for image in BATCH]))
        assert torch.equal(drawn(transform, BATCH[None], seed), made[None])
        assert torch.equal(drawn(transform, BATCH[:0], seed), BATCH[:0])
    if name not in ("erase", "erase noise", "jitter"):
        assert torch.equal(drawn(transform, BATCH[0, 0]), drawn(transform, BATCH[0, :1])[0])


def test_noise_over_a_hole_of_a_batch_is_noise_of_levels() -> None:
    noise = drawn(T.CoarseDropout((1, 1), (18, 18), (28, 28), "random", p=1.0), torch.zeros(2, 3, 20, 30).byte())
    holes = noise[noise > 0].float()
    assert 120 < holes.mean() < 136
    assert 56 < holes.std() < 70


@pytest.mark.parametrize("image", [PLANES / 255, BATCH / 255, np.zeros((8, 9, 3), np.float32)])
@pytest.mark.parametrize("p", [1.0, 1e-9])
def test_what_is_for_levels_refuses_others_at_once_whatever_is_drawn(p: float, image: Any) -> None:
    transform = T.JPEG(50, p=p)
    got = "float32" if isinstance(image, np.ndarray) else r"torch\.float32"
    with pytest.raises(
        TypeError, match=rf"JPEG is for 8-bit images, got {got}: put ToDtype\(torch.uint8, scale=True\)"
    ):
        transform(image)
    assert T.Compose([T.ToDtype(torch.uint8, scale=True), transform])(image).shape == image.shape
    assert T.JPEG(50, p=0.0)(image) is image


def test_functions_for_levels_refuse_others() -> None:
    with pytest.raises(TypeError, match=r"jpeg is for 8-bit images, got torch.float32: put ToDtype\(torch.uint8"):
        F.jpeg(PLANES / 255, 50)


def test_the_way_out_for_truth_values_is_one() -> None:
    with pytest.raises(TypeError, match=r"image.to\(torch.uint8\) \* 255"):
        F.adjust_brightness(PLANES > 100, 0.5)
    assert F.adjust_brightness((PLANES > 100).to(torch.uint8) * 255, 0.2).max() == 51


def test_channels_that_have_no_colours_are_refused() -> None:
    two = torch.zeros(2, 8, 9)
    for image in (two, two.byte(), two.permute(1, 2, 0).numpy()):
        with pytest.raises(ValueError, match=r"RandomPhotometricDistort is for images of 1 or 3 channels.*got 2"):
            T.RandomPhotometricDistort(p=1.0)(image)
        with pytest.raises(ValueError, match=r"clahe is for images of 1 or 3 channels.*got 2 channels"):
            T.CLAHE(p=1.0)(image)
        with pytest.raises(ValueError, match=r"RandAugment is for images of 1 or 3 channels, got shape \("):
            T.RandAugment()(image)
    assert T.RandomPhotometricDistort(p=1.0)(torch.rand(4, 8, 9)).shape == (4, 8, 9)
    assert T.RandomPhotometricDistort(p=1.0)(torch.rand(1, 8, 9)).shape == (1, 8, 9)


def test_truth_values_have_no_colours() -> None:
    for change in (F.invert, F.equalize, lambda image: F.adjust_brightness(image, 0.5), lambda i: F.posterize(i, 1)):
        with pytest.raises(TypeError, match=r"values of torch.bool have no range"):
            change(PLANES > 100)


MODES = ("1", "L", "P", "I;16", "I", "F", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


def image_of_mode(mode: str) -> Any:
    array = pixels(20, 30)
    if mode == "P":
        return Image.fromarray(array).quantize(64)
    if mode == "I;16":
        return Image.frombytes(mode, (30, 20), (pixels(20, 30, 0).astype(np.uint16) * 250).tobytes())
    if mode in ("LAB", "HSV", "YCbCr"):
        return Image.frombytes(mode, (30, 20), array.tobytes())
    return Image.fromarray(array).convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [0, "random"])
def test_a_hole_leaves_the_mode_and_all_other_pixels(mode: str, value: Any) -> None:
    image = image_of_mode(mode)
    hole = T.CoarseDropout((1, 1), (5, 5), (7, 7), value, p=1.0)
    before, made = array_of(image).astype(float), drawn(hole, image)
    assert (made.mode, made.size) == (mode, image.size)
    assert made.getpalette() == image.getpalette()
    changed = (array_of(made) != before).any(axis=-1)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert 0 < len(rows) <= 5
    assert 0 < len(columns) <= 7
    assert rows[-1] - rows[0] < 5
    assert columns[-1] - columns[0] < 7
    assert np.array_equal(array_of(image), before)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "transform",
    [
        T.RandomRotation((90, 90), T.InterpolationMode.BILINEAR, expand=True),
        T.RandomAffine((0, 0), (0.1, 0.1)),
        T.RandomPerspective(0.0, 1.0),
        T.ElasticTransform(0.0),
        T.RandomRotate90(1.0),
        T.Transpose(1.0),
        T.Pad(2),
        T.Pad(2, padding_mode="reflect"),
        T.RandomCrop(10),
        T.RandomHorizontalFlip(1.0),
        T.Resize((40, 60), T.InterpolationMode.NEAREST),
        T.LetterBox((40, 50), fill=0, interpolation=T.InterpolationMode.NEAREST),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_what_moves_pixels_leaves_their_mode_and_what_they_say(mode: str, transform: Any) -> None:
    image = image_of_mode(mode)
    made = drawn(transform, image)
    assert made.mode == mode
    assert made.getpalette() == image.getpalette()
    array = array_of(image).astype(np.int32) if mode == "I;16" else array_of(image)
    expected = drawn(transform, array)
    if mode == "LAB":  # whose 0 is the level 128 to Pillow
        expected = np.where(array_of(made) == 128, 128, expected)
    assert np.array_equal(array_of(made), expected)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_there_is_nothing_between_two_numbers_of_colours(mode: str) -> None:
    image = image_of_mode(mode)
    known = set(np.unique(np.asarray(image)))
    for transform in (T.RandomRotation((30, 30), 2), T.ElasticTransform(80.0), T.RandomPerspective(0.5, 1.0)):
        made = transform(image)
        assert made.mode == mode
        assert set(np.unique(np.asarray(made))) <= known | {0}


@pytest.mark.parametrize("mode", ["P", "I;16", "CMYK", "RGBA", "1"])
def test_policies_name_the_mode_that_they_do_not_take(mode: str) -> None:
    for policy in (T.RandAugment(), T.AugMix()):
        with pytest.raises(ValueError, match=rf"takes PIL images of mode RGB or L, got {mode}: convert it"):
            policy(image_of_mode(mode))
