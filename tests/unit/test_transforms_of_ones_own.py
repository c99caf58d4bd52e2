"""Transforms written as torchvision's are, and samples of odd types."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fastload import DataLoader
from fastload import transforms as T
from fastload.transforms import functional as F


class Brighter(T.Transform):
    """One draw for a sample, added to each of its images."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"by": len(flat_inputs) + int(torch.randint(1, 9, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt + params["by"]


class Turned(T.Transform):
    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt.rotate(180)


class Fixed(T.RandomCrop):
    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"top": 0, "left": 0}


@pytest.mark.parametrize("wrap", [lambda step: step, lambda step: T.Compose([step])])
def test_the_first_tensor_of_a_sample_is_its_image(wrap: Any) -> None:
    step = wrap(Brighter())
    image, mask = torch.zeros(3, 4, 5), torch.zeros(4, 5)
    made, rest = step(image, {"mask": mask, "name": "one"})
    assert 2 <= made.unique().item() <= 9
    assert rest["mask"] is mask
    assert rest["name"] == "one"


def test_parts_of_nested_samples_are_found() -> None:
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    made, label = T.Compose([Turned()])(((image,), 3))
    assert np.array_equal(np.asarray(made[0]), np.asarray(image)[::-1, ::-1])
    assert label == 3


def test_it_stands_among_others_in_a_chain() -> None:
    chain = T.Compose([T.ToImage(), Brighter(), T.RandomHorizontalFlip(1.0)])
    assert "functions, have hooks, or are transforms of others" in repr(chain)
    assert chain(np.zeros((4, 5, 3), dtype=np.uint8)).float().mean() >= 2


def test_parameters_alone_do_not_change_a_transform_of_fastloads() -> None:
    for step in (Fixed(4), T.Compose([Fixed(4)])):
        with pytest.raises(NotImplementedError, match="Fixed makes whole samples in one pass"):
            step(torch.zeros(3, 8, 8))


class Noisy(T.Transform):
    """Draws for the sample, and for its part."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"by": torch.randint(0, 1 << 30, ())}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return inpt + params["by"] + torch.rand(1).double()


class Zeros(torch.utils.data.Dataset[Any]):
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return self.transform(torch.zeros(1, 2, 2, dtype=torch.float64))


def drawn_in_two_epochs(transform: Any, **arguments: Any) -> list[float]:
    torch.manual_seed(0)
    loader = DataLoader(Zeros(transform), **arguments)
    return [float(image[0, 0, 0]) for _ in range(2) for batch in loader for image in batch]


@pytest.mark.parametrize(
    "wrap", [lambda step: step, lambda step: T.Compose([step, T.RandomHorizontalFlip()]), lambda step: T.OneOf([step])]
)
def test_its_draws_depend_on_the_sample_alone(wrap: Any) -> None:
    found = drawn_in_two_epochs(wrap(Noisy()), batch_size=2)
    assert len(set(found)) == 16 or 0.0 in found  # which is what is not drawn at all
    for workers in (1, 2):
        assert drawn_in_two_epochs(wrap(Noisy()), batch_size=3, num_workers=workers) == found
    assert drawn_in_two_epochs(wrap(Noisy()), batch_size=1, num_workers=2, worker_type="thread") == found


def test_two_views_of_a_sample_differ() -> None:
    step = Noisy()
    halves = DataLoader(Zeros(lambda image: torch.cat([step(image), step(image)])))
    assert all(float(batch[0, 0, 0, 0]) != float(batch[0, 1, 0, 0]) for batch in halves)


def test_in_a_loader_torchs_generator_is_left_alone() -> None:
    iterator = iter(DataLoader(Zeros(Noisy())))
    before = torch.get_rng_state()
    list(iterator)
    assert torch.equal(torch.get_rng_state(), before)


def test_elsewhere_its_draws_are_torchs() -> None:
    torch.manual_seed(3)
    expected = torch.randint(0, 1 << 30, ()) + torch.rand(1).double()
    torch.manual_seed(3)
    assert Noisy()(torch.zeros(1, 1, 1).double()) == expected


def test_windows_are_drawn_for_functions() -> None:
    image = torch.arange(3 * 40 * 50).reshape(3, 40, 50)
    windows = {T.RandomCrop.get_params(image, (8, 9)) for _ in range(200)}
    assert len(windows) > 100
    for top, left, height, width in windows:
        assert F.crop(image, top, left, height, width).shape == (3, 8, 9)
        assert 0 <= top <= 32
        assert 0 <= left <= 41
    with pytest.raises(ValueError, match="41"):
        T.RandomCrop.get_params(image, (41, 5))
    for _ in range(50):
        top, left, height, width = T.RandomResizedCrop.get_params(image, (0.25, 0.5), (0.9, 1.1))
        assert 0 <= top <= 40 - height
        assert 0 <= left <= 50 - width
        assert 0.2 * 2000 < height * width < 0.55 * 2000


def test_windows_follow_torchs_generator() -> None:
    def drawn() -> list[tuple[int, ...]]:
        torch.manual_seed(4)
        return [T.RandomCrop.get_params(torch.zeros(3, 99, 99), 9) for _ in range(5)]

    assert drawn() == drawn()


@pytest.mark.parametrize("kind", [dict, OrderedDict, lambda parts: defaultdict(list, parts), MappingProxyType])
def test_mappings_keep_their_type(kind: Any) -> None:
    sample = kind({"image": np.zeros((4, 5, 3), dtype=np.uint8), "boxes": np.array([[0.0, 0, 2, 2]]), "id": 7})
    made = T.RandomHorizontalFlip(1.0)(sample)
    assert type(made) is type(sample)
    assert made["boxes"].tolist() == [[3, 0, 5, 2]]
    assert getattr(made, "default_factory", list) is list
    assert sample["boxes"].tolist() == [[0, 0, 2, 2]]
    made = T.Lambda(lambda part: part + 1, int)(sample)
    assert type(made) is type(sample)
    assert made["id"] == 8
