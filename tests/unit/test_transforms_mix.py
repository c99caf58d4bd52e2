"""Batches mixed: the weights of pixels and of labels are the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fastload import DataLoader, default_collate
from fastload import transforms as T
from fastload.collate import DetectionCollate


def batch(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(count, 3, 20, 30).clone()
    return images, torch.arange(count)


def test_mixup_weighs_pixels_and_labels_alike() -> None:
    for seed in range(10):
        torch.manual_seed(seed)
        images, labels = T.MixUp(alpha=0.8, num_classes=4)(*batch())
        part = labels[1, 1].item()
        assert 0 <= part <= 1
        assert labels.sum(dim=1).tolist() == pytest.approx([1] * 4)
        assert labels[1, 0].item() == pytest.approx(1 - part)
        assert images[1].unique().item() == pytest.approx(part * 1 + (1 - part) * 0)
        assert images[0].unique().item() == pytest.approx(part * 0 + (1 - part) * 3)


def test_cutmix_counts_the_pixels_that_it_takes() -> None:
    for seed in range(10):
        torch.manual_seed(seed)
        images, labels = T.CutMix(num_classes=4)(*batch())
        kept = (images[2] == 2).float().mean().item()
        assert labels[2, 2].item() == pytest.approx(kept)
        assert labels[2, 1].item() == pytest.approx(1 - kept)
        taken = (images[2, 0] == 1).nonzero()
        if len(taken):
            (top, left), (bottom, right) = taken.amin(0).tolist(), taken.amax(0).tolist()
            assert len(taken) == (bottom - top + 1) * (right - left + 1), "a rectangle"


@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
def test_batches_of_every_form(mix: Any) -> None:
    images, labels = batch()
    mixed = mix(num_classes=4)({"image": images, "label": labels, "id": [1, 2, 3, 4]})
    assert mixed["label"].shape == (4, 4)
    assert mixed["id"] == [1, 2, 3, 4]
    assert mixed["image"].shape == images.shape
    assert mix(labels_getter=None)(images).shape == images.shape
    parts = torch.eye(4)
    assert mix()([images, parts])[1].shape == (4, 4)
    one, only = mix(num_classes=4)(images[1:2], labels[1:2])
    assert torch.equal(one, images[1:2])
    assert only.tolist() == [[0, 1, 0, 0]]
    levels = mix(num_classes=4)(images.to(torch.uint8), labels)[0]
    assert levels.dtype == torch.uint8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: T.MixUp(alpha=0), "alpha"),
        (lambda: T.MixUp(num_classes=0), "num_classes"),
        (lambda: T.MixUp()(*batch()), "num_classes must be given"),
        (lambda: T.MixUp(num_classes=3)(*batch()), r"\[0, 3\), got 0 to 3"),
        (lambda: T.CutMix(num_classes=4)(torch.zeros(3, 5, 5), torch.zeros(3)), r"\(N, C, H, W\)"),
        (lambda: T.CutMix(num_classes=4)(batch()[0]), "no labels"),
        (lambda: T.CutMix(num_classes=4)(batch()[0], torch.zeros(3, dtype=torch.int64)), r"\(4,\)"),
        (lambda: T.MixUp()(batch()[0], torch.tensor([[3], [7], [0], [1]])), r"got 0 to 7: class numbers are \(4,\)"),
    ],
)
def test_bad_batches_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_alpha_says_how_much_is_left_of_each() -> None:
    def weights(alpha: float) -> list[float]:
        return [T.MixUp(alpha=alpha, num_classes=4)(*batch())[1][1, 1].item() for _ in range(60)]

    torch.manual_seed(0)
    assert all(abs(weight - 0.5) < 0.02 for weight in weights(1e4)), "Beta(10000, 10000) is next to a half"
    assert all(min(weight, 1 - weight) < 0.001 for weight in weights(1e-3)), "Beta(0.001, 0.001) is all or nothing"
    spread = sorted(weights(1.0))  # uniform: some of it everywhere
    assert spread[0] < 0.2
    assert spread[-1] > 0.8
    assert any(0.35 < weight < 0.65 for weight in spread)


def test_a_rectangle_has_the_part_of_the_sides_that_the_paper_gives_it() -> None:
    """Yun et al.: width W sqrt(1 - lambda), height H sqrt(1 - lambda), cut at the border; at 0.5 these are 0.707."""
    torch.manual_seed(0)
    images = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 100, 200)
    sizes = []
    for _ in range(60):
        taken = T.CutMix(alpha=1e6, labels_getter=None)(images)[1, 0] == 0
        sizes.append((int(taken.any(dim=1).sum()), int(taken.any(dim=0).sum())))
    rows, columns = zip(*sizes, strict=True)
    assert 69 <= max(rows) <= 71
    assert 140 <= max(columns) <= 142
    assert min(rows) >= 35, "the rectangle's middle is in the image"
    assert min(columns) >= 70


@pytest.mark.parametrize("mix", [T.MixUp, T.CutMix])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.complex64])
def test_class_numbers_are_whole(mix: Any, dtype: torch.dtype) -> None:
    images, labels = batch()
    with pytest.raises(ValueError, match=rf"labels \(4,\) must be class numbers, whole ones; got {dtype}"):
        mix(num_classes=4)(images, labels.to(dtype))
    for whole in (torch.uint8, torch.int32):
        assert mix(num_classes=4)(images, labels.to(whole))[1].shape == (4, 4)


MIX = T.MixUp(num_classes=4)
CROP = T.RandomCrop(1)


class Numbered(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        return torch.full((1, 2, 2), float(index)), index % 4


def mixed(samples: Any) -> Any:
    return MIX(*default_collate(samples))


def cropped(samples: Any) -> Any:
    places = torch.arange(10_000.0).reshape(1, 100, 100)
    return torch.stack([CROP(places) for _ in samples])


class Whole(Numbered):
    def __getitems__(self, indices: Any) -> Any:
        return [mixed([self[index] for index in indices])]


def first_of(samples: Any) -> Any:
    return samples[0]


def epochs(dataset: Any = None, collate: Any = mixed, begin: int = 0, **arguments: Any) -> Any:
    """What two epochs give, from the batch of that number of the first one on."""
    torch.manual_seed(5)
    loader = DataLoader(dataset or Numbered(), 3, collate_fn=collate, **arguments)
    if begin:
        iterator = iter(loader)
        for _ in range(begin):
            next(iterator)
        state = loader.state_dict()
        loader = DataLoader(dataset or Numbered(), 3, collate_fn=collate, **arguments)
        loader.load_state_dict(state)
    return [[batch if torch.is_tensor(batch) else batch[0] for batch in loader] for _ in range(2)]


def assert_alike(found: Any, wanted: Any) -> None:
    for one, other in zip(found, wanted, strict=True):
        for batch, like in zip(one, other, strict=True):
            assert torch.equal(batch, like)


WHERE = [(None, mixed), (None, cropped), (Whole(), first_of)]


@pytest.mark.parametrize(("dataset", "collate"), WHERE)
@pytest.mark.parametrize("rng", ["torch", "sample"])
def test_what_is_drawn_for_a_batch_is_the_same_with_any_workers(dataset: Any, collate: Any, rng: Any) -> None:
    wanted = epochs(dataset, collate, rng=rng)
    for workers in (1, 2):
        assert_alike(epochs(dataset, collate, rng=rng, num_workers=workers), wanted)
    if rng == "torch":
        assert_alike(epochs(dataset, collate, num_workers=2, worker_type="thread"), wanted)


@pytest.mark.parametrize(("dataset", "collate"), WHERE)
def test_what_is_drawn_for_a_batch_is_the_same_in_a_resumed_epoch(dataset: Any, collate: Any) -> None:
    first, second = epochs(dataset, collate)
    assert_alike(epochs(dataset, collate, begin=2, num_workers=1), [first[2:], second])


def test_each_batch_of_each_epoch_draws_by_itself() -> None:
    parts = [float(batch.flatten()[-1] % 1) for batches in epochs() for batch in batches]
    assert len(set(parts)) == 8
    crops = [batch.flatten().tolist() for batches in epochs(collate=cropped) for batch in batches]
    assert len({number for batch in crops for number in batch}) > 20, "of 24 calls, each draws by itself"


class Cropped(Numbered):
    def __getitem__(self, index: int) -> Any:
        return CROP(torch.arange(1e4).reshape(1, 100, 100)), CROP(torch.arange(1e4).reshape(1, 100, 100))


def test_a_batch_of_one_does_not_draw_what_its_sample_drew() -> None:
    def three_views(samples: Any) -> Any:
        (one, other), *_ = samples
        return torch.stack([one, other, CROP(torch.arange(1e4).reshape(1, 100, 100))])

    for views in DataLoader(Cropped(), 1, collate_fn=three_views):
        assert len(set(views.flatten().tolist())) == 3


def test_padded_batches_are_mixed_in_containers_and_behind_other_steps() -> None:
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    samples = [
        (image, {"boxes": torch.tensor([[1.0, 2, 20, 24]] * (number + 1)), "labels": torch.arange(number + 1)})
        for number, image in enumerate(images)
    ]
    batch = DetectionCollate("padded")(samples)
    for chain in (
        T.RandomChoice([T.MixUp(), T.CutMix()]),
        T.Compose([T.RandomApply([T.MixUp()], 1.0)]),
        T.Compose([T.ColorJitter(brightness=(0.5, 0.5)), T.MixUp()]),
        T.Compose([T.ColorJitter(brightness=(0.5, 0.5)), lambda images, targets: (images, targets)]),
    ):
        made, targets = chain(*batch)
        assert made.shape == images.shape
        assert len(targets["boxes"]) == 2


@pytest.mark.parametrize("mode", ["padded", "packed"])
def test_what_moves_targets_refuses_batches(mode: str) -> None:
    sample = torch.zeros((3, 32, 32), dtype=torch.uint8), {"boxes": torch.tensor([[1.0, 2, 20, 24]])}
    batch = DetectionCollate(mode)([sample, sample])
    for step in (T.CenterCrop(20), T.RandomHorizontalFlip(1.0), T.Resize((9, 9))):
        with pytest.raises(ValueError, match=r"targets of a batch of images \(2, 3, 32, 32\) cannot move"):
            step(*batch)


def test_what_moves_targets_refuses_lists_of_them_beside_stacked_images() -> None:
    images = torch.zeros((2, 3, 32, 32), dtype=torch.uint8)
    targets = [{"boxes": torch.tensor([[1.0, 2, 20, 24]])}, {"boxes": torch.zeros(0, 4)}]
    for step in (T.CenterCrop(20), T.RandomHorizontalFlip(1.0), T.Resize((9, 9))):
        with pytest.raises(ValueError, match=r"targets of a batch of images \(2, 3, 32, 32\) cannot move"):
            step(images, targets)
    inverted, same = T.RandomInvert(1.0)(images, targets)
    assert torch.equal(inverted, 255 - images)
    assert same is targets
    assert T.RandomHorizontalFlip(1.0)(images, [{"id": 1}, {"id": 2}])[1] == [{"id": 1}, {"id": 2}]
