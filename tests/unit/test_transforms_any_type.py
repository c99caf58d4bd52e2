"""Images of every type of number: what only moves pixels keeps all bits, what mixes them stays in their range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T
from fastload.transforms import functional as F

TYPES = ["bool", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]
SHAPES = [(9, 13), (9, 13, 3), (9, 13, 5)]


def bordered(array: Any, **how: Any) -> Any:
    return np.pad(array, [(2, 2), (1, 1)] + [(0, 0)] * (array.ndim - 2), **how)


MOVES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "mirror": (T.RandomHorizontalFlip(1.0), lambda array: array[:, ::-1]),
    "upside down": (T.RandomVerticalFlip(1.0), lambda array: array[::-1]),
    "window": (T.CenterCrop((5, 7)), lambda array: array[2:7, 3:10]),
    "canvas": (T.CenterCrop((13, 15)), bordered),
    "border": (T.Pad([1, 2], fill=1), lambda array: bordered(array, constant_values=1)),
    "edge": (T.Pad([1, 2], padding_mode="edge"), lambda array: bordered(array, mode="edge")),
    "reflect": (T.Pad([1, 2], padding_mode="reflect"), lambda array: bordered(array, mode="reflect")),
    "transpose": (T.Transpose(1.0), lambda array: array.swapaxes(0, 1)),
    "quarter": (T.RandomRotation((90, 90), expand=True), np.rot90),
    "half": (T.RandomRotation((180, 180), interpolation="bilinear"), lambda array: np.rot90(array, 2)),
    "bicubic": (T.RandomRotation((180, 180), interpolation="bicubic"), lambda array: np.rot90(array, 2)),
    "moved": (
        lambda image: F.affine(image, 0, translate=(3, -2)),
        lambda array: np.pad(array[2:, :-3], [(0, 2), (3, 0)] + [(0, 0)] * (array.ndim - 2)),
    ),
    "nearest": (T.Resize((18, 26), interpolation="nearest"), lambda array: array.repeat(2, 0).repeat(2, 1)),
}


def values_of(kind: str, shape: tuple[int, ...]) -> Any:
    """Any values of that type, its least and its greatest among them."""
    rng = np.random.default_rng(len(shape))
    dtype = np.dtype(kind)
    if dtype.kind == "b":
        return rng.random(shape) > 0.5
    if dtype.kind == "f":
        return (rng.normal(size=shape) * 100).astype(dtype)
    limits = np.iinfo(dtype)
    array = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    array[0, 0], array[-1, 0] = limits.min, limits.max
    return array


def as_tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(array if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1)))


def as_array(image: Any) -> Any:
    if isinstance(image, np.ndarray):
        return image
    return image.numpy() if image.ndim == 2 else image.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", MOVES)
def test_pixels_that_only_move_stay_what_they_are(name: str, kind: str) -> None:
    transform, expected = MOVES[name]
    for shape in SHAPES:
        array = values_of(kind, shape)
        for image in (array, as_tensor(array)):
            made = as_array(transform(image))
            assert made.dtype == array.dtype
            assert np.array_equal(made, expected(array)), shape


@pytest.mark.parametrize("kind", TYPES)
def test_a_turn_by_any_quarter_is_one_of_four(kind: str) -> None:
    array = values_of(kind, (9, 13, 3))
    turns = [np.rot90(array, quarters).tobytes() for quarters in range(4)]
    torch.manual_seed(0)
    assert {turns.index(T.RandomRotate90(1.0)(array).tobytes()) for _ in range(30)} == {0, 1, 2, 3}


@pytest.mark.parametrize("kind", ["int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize(
    "mix",
    [
        T.Resize((21, 33)),
        T.Resize((5, 6), interpolation="bicubic"),
        T.RandomAffine((30, 30), interpolation="bilinear"),
        lambda image: F.adjust_brightness(image, 1.0),
        T.GaussianBlur(3),
    ],
)
def test_a_mix_of_the_greatest_values_is_the_greatest(kind: str, mix: Any) -> None:
    greatest = np.iinfo(kind).max
    image = np.full((3, 20, 30), greatest, dtype=kind)
    made = mix(torch.from_numpy(image)).numpy().astype(np.float64)
    inside = made[:, made.shape[1] // 2, made.shape[2] // 2]
    assert inside == pytest.approx([float(greatest)] * 3, rel=1e-7)


def test_interpolated_values_of_32_bits_have_all_their_bits() -> None:
    array = np.array([[2**30 + 1, 2**30 + 3]], dtype=np.int32)
    assert T.Resize((1, 4))(array).tolist() == [[2**30 + 1, 2**30 + 2, 2**30 + 2, 2**30 + 3]]
    assert F.affine(array, 0, translate=(0.5, 0), interpolation="bilinear")[0, 1] == 2**30 + 2


def test_types_that_torch_has_not_are_named_with_a_way_out() -> None:
    image = np.zeros((4, 5, 3), dtype=">u2" if np.little_endian else "<u2")
    with pytest.raises(TypeError, match=r"arrays of [<>]u2 have no counterpart in torch: convert them first"):
        T.RandomHorizontalFlip(1.0)(image)
    with pytest.raises(TypeError, match=r"values of torch.complex64 are only moved about"):
        T.Resize((9, 9))(torch.zeros(3, 4, 5, dtype=torch.complex64))
    with pytest.raises(TypeError, match=r"values of torch.complex64 are only moved about"):
        F.rotate(torch.zeros(3, 4, 5, dtype=torch.complex64), 10, "bilinear")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int32, torch.uint16])
def test_joined_images_are_of_the_type_that_they_came_in(dtype: torch.dtype) -> None:
    target = {"boxes": torch.tensor([[1.0, 1, 9, 9]]), "masks": torch.ones(1, 20, 30)}
    samples = [(torch.full((3, 20, 30), float(level)).to(dtype), target) for level in (1, 2, 3, 4)]
    for joined in (T.Mosaic(samples, (20, 30)), T.CopyPaste(samples, p=1.0, p_object=1.0)):
        image, _ = joined[0]
        assert image.dtype == dtype
        assert set(image.float().unique().tolist()) <= {1.0, 2.0, 3.0, 4.0}


@pytest.mark.parametrize(
    "step", [T.ColorJitter(0.5), T.GaussianBlur(3), T.ToDtype(torch.float32, scale=True), T.RandomInvert(1.0)]
)
def test_colours_of_complex_values_are_refused(step: Any) -> None:
    for image in (np.zeros((8, 8, 3), np.complex64), torch.zeros(3, 8, 8, dtype=torch.complex64)):
        with pytest.raises(TypeError, match="complex64 are only moved about: transform their real and imaginary parts"):
            step(image)


@pytest.mark.parametrize("step", [T.RandomHorizontalFlip(1.0), T.Resize(4), T.ColorJitter(0.5), T.ToTensor()])
def test_images_without_a_channel_are_refused(step: Any) -> None:
    for image in (np.zeros((8, 6, 0), np.uint8), torch.zeros(0, 8, 6), torch.zeros(2, 0, 8, 6, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="at least one channel"):
            step(image)
