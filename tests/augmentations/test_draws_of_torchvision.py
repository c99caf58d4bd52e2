"""v2 transforms draw from a generator of the sample's own: what torch's own generator gives is nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torchvision_without_kernels import tv_tensors, v2

from fastload import DataLoader
from fastload import transforms as T
from fastload.transforms._draws import DrawsFrom

LEVELS = np.random.default_rng(0).integers(0, 256, (3, 40, 48), dtype=np.uint8)
IMAGE = tv_tensors.Image(torch.from_numpy(LEVELS))
BOXES = tv_tensors.BoundingBoxes([[4.0, 5, 30, 31], [20, 8, 44, 36]], format="XYXY", canvas_size=(40, 48))
WHOLE: dict[str, Callable[[], Any]] = {
    "AugMix": v2.AugMix,
    "AutoAugment": v2.AutoAugment,
    "ColorJitter": lambda: v2.ColorJitter(0.5, 0.5, 0.5, 0.2),
    "ElasticTransform": v2.ElasticTransform,
    "GaussianBlur": lambda: v2.GaussianBlur(3),
    "GaussianNoise": lambda: v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.GaussianNoise()]),
    "GaussianNoise of bytes": v2.GaussianNoise,
    "RandAugment": v2.RandAugment,
    "RandomAdjustSharpness": lambda: v2.RandomAdjustSharpness(2),
    "RandomAffine": lambda: v2.RandomAffine(20, (0.2, 0.2), (0.5, 2.0), 10),
    "RandomApply": lambda: v2.RandomApply([v2.RandomVerticalFlip()]),
    "RandomChannelPermutation": v2.RandomChannelPermutation,
    "RandomChoice": lambda: v2.RandomChoice([v2.RandomCrop(20), v2.RandomCrop(10)]),
    "RandomCrop": lambda: v2.RandomCrop(20),
    "RandomErasing": lambda: v2.RandomErasing(1.0, value="random"),
    "RandomGrayscale": lambda: v2.RandomGrayscale(0.5),
    "RandomHorizontalFlip": v2.RandomHorizontalFlip,
    "RandomOrder": lambda: v2.RandomOrder([v2.RandomCrop(20), v2.RandomCrop(20), v2.RandomInvert()]),
    "RandomPerspective": lambda: v2.RandomPerspective(p=1.0),
    "RandomPhotometricDistort": v2.RandomPhotometricDistort,
    "RandomResize": lambda: v2.RandomResize(20, 60),
    "RandomResizedCrop": lambda: v2.RandomResizedCrop(20),
    "RandomRotation": lambda: v2.RandomRotation(30),
    "RandomShortestSize": lambda: v2.RandomShortestSize([20, 30, 40]),
    "RandomZoomOut": lambda: v2.RandomZoomOut(p=1.0),
    "ScaleJitter": lambda: v2.ScaleJitter((30, 30)),
    "TrivialAugmentWide": v2.TrivialAugmentWide,
    "fastload's": lambda: v2.Compose([T.RandomCrop(20)]),
}
WITH_BOXES = {"RandomIoUCrop": v2.RandomIoUCrop}
MIXES = {"MixUp": lambda: v2.MixUp(num_classes=3), "CutMix": lambda: v2.CutMix(num_classes=3)}
FUNCTIONS: dict[str, Callable[[], torch.Tensor]] = {
    "rand_like": lambda: torch.rand_like(torch.zeros(2, 3, dtype=torch.float64)),
    "randn_like": lambda: torch.randn_like(input=torch.zeros(2, 3, dtype=torch.int64), dtype=torch.float32),
    "randint_like": lambda: torch.randint_like(torch.zeros(2, 3), 4, 90),
    "normal": lambda: torch.normal(torch.zeros(3), torch.ones(3)),
    "normal_": lambda: torch.empty(4).normal_(1, 2),
    "bernoulli": lambda: torch.bernoulli(torch.full((9,), 0.5)),
    "Tensor.bernoulli": lambda: torch.full((9,), 0.5).bernoulli(),
    "bernoulli_": lambda: torch.empty(9).bernoulli_(0.3),
    "random_": lambda: torch.empty(9, dtype=torch.int64).random_(5, 90),
    "exponential_": lambda: torch.empty(3).exponential_(),
    "poisson": lambda: torch.poisson(torch.full((9,), 5.0)),
    "multinomial": lambda: torch.ones(9).multinomial(4),
    "randperm": lambda: torch.randperm(9, dtype=torch.int32),
    "Gamma": lambda: torch.distributions.Gamma(torch.ones(3), torch.ones(3)).sample(),
    "Binomial": lambda: torch.binomial(torch.full((9,), 20.0), torch.full((9,), 0.5)),
}


def parts_of(made: Any) -> list[torch.Tensor]:
    return [part.as_subclass(torch.Tensor) for part in (made if isinstance(made, tuple) else (made,))]


def as_torch_draws(draw: Callable[[], Any]) -> bool:
    """Whether it is drawn what torch's generator gives with the same seed, and nothing from that one itself."""
    different = 0
    for seed in range(8):
        torch.manual_seed(seed)
        expected = parts_of(draw())
        torch.manual_seed(99)
        before = torch.get_rng_state()
        with DrawsFrom(seed):
            made = parts_of(draw())
        if not torch.equal(before, torch.get_rng_state()):
            return False
        different += len(made) != len(expected) or not all(map(torch.equal, made, expected))
    return different == 0


@pytest.mark.filterwarnings("ignore:.* is currently passing through")
@pytest.mark.parametrize("name", [*WHOLE, *WITH_BOXES, *MIXES])
def test_steps_draw_what_torch_would_give_them(name: str) -> None:
    if name in MIXES:
        sent: tuple[Any, ...] = (torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 1]))
    else:
        sent = (IMAGE, BOXES) if name in WITH_BOXES else (IMAGE,)
    step = {**WHOLE, **WITH_BOXES, **MIXES}[name]()
    assert as_torch_draws(lambda: step(*sent))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_torch_draw_what_they_would(name: str) -> None:
    assert as_torch_draws(FUNCTIONS[name])


def test_a_generator_of_the_users_own_is_drawn_from() -> None:
    own = torch.Generator().manual_seed(4)
    with DrawsFrom(0):
        drawn = torch.rand(3, generator=own)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(4)))


def test_other_threads_draw_from_torchs_generator_meanwhile() -> None:
    expected = torch.rand(3, generator=torch.Generator().manual_seed(7))
    torch.manual_seed(7)
    drawn = []
    with DrawsFrom(0):
        thread = threading.Thread(target=lambda: drawn.append(torch.rand(3)))
        thread.start()
        thread.join()
    assert torch.equal(drawn[0], expected)


class Samples(torch.utils.data.Dataset[Any]):
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> Any:
        return self.transform(IMAGE.as_subclass(torch.Tensor))


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_neither_workers_nor_the_loop_see_each_others_draws(kind: str) -> None:
    steps = [v2.RandomPhotometricDistort(p=1.0), v2.ElasticTransform(), v2.RandomAffine(20, (0.2, 0.2))]
    epochs = []
    for options in ({}, {"num_workers": 2, "worker_type": kind}):
        torch.manual_seed(1)
        loader = DataLoader(Samples(T.Compose([v2.Compose(steps)])), batch_size=2, **options)
        epochs.append([(batch, torch.rand(200)) for batch in loader])
    for (batch, mine), (other, mine_then) in zip(*epochs, strict=True):
        assert torch.equal(batch, other)
        assert torch.equal(mine, mine_then)


def test_a_worker_may_be_forked_while_another_thread_transforms() -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait(image: Any) -> Any:
        inside.set()
        assert leave.wait(60)
        return image

    thread = threading.Thread(target=lambda: T.Compose([v2.Compose([v2.Lambda(wait)])])(IMAGE))
    thread.start()
    try:
        assert inside.wait(60)
        forked = {"num_workers": 1, "worker_type": "process", "multiprocessing_context": "fork", "timeout": 30}
        loader = DataLoader(Samples(T.Compose([v2.RandomVerticalFlip()])), batch_size=20, **forked)
        assert len(list(loader)) == 2
    finally:
        leave.set()
        thread.join()
