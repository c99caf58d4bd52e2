"""Batches mixed: the weights of pixels and of labels are the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fastload import transforms as T


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
