"""What goes with images made natively: functions of targets, views of one sample, kinds of labels, limits."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.photo_folder import make_folder
from torch.utils.data import StackDataset, get_worker_info

import fastload
from fastload import transforms as T
from fastload.collate import default_collate
from fastload.datasets import ImageFolder, ImageList
from fastload.io import DecodeError

AUGMENT = T.Compose([T.RandomResizedCrop(16), T.ToTensor()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("photos"))


def drawn(_: int) -> float:
    return float(torch.rand(()))


def worker_of(_: int) -> int:
    info = get_worker_info()
    return -1 if info is None else info.id


def odd_ones_fail(target: int) -> int:
    if target % 2:
        raise ValueError(f"no target for {target}")
    return target


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"num_workers": 2}, {"batch_size": 7}])
def test_random_targets_are_the_samples_own(folder: Path, options: dict[str, Any]) -> None:
    def labels(**more: Any) -> list[float]:
        torch.manual_seed(3)
        data = ImageFolder(folder, AUGMENT, target_transform=drawn)
        loader = fastload.DataLoader(data, **{"batch_size": 4, "rng": "sample", **more})
        return [label for _, batch in loader for label in batch.tolist()]

    expected = labels(collate_fn=default_collate)
    assert len(set(expected)) == len(expected)
    assert labels(**options) == expected


def test_functions_of_targets_run_in_workers(folder: Path) -> None:
    data = ImageFolder(folder, AUGMENT, target_transform=worker_of)
    seen = {label for _, batch in fastload.DataLoader(data, 4, num_workers=2) for label in batch.tolist()}
    assert seen == {0, 1}


@pytest.mark.parametrize("workers", [0, 2])
def test_targets_that_fail_are_what_on_error_makes_of_them(folder: Path, workers: int) -> None:
    data = ImageFolder(folder, AUGMENT, target_transform=odd_ones_fail)
    loader = fastload.DataLoader(data, len(data), num_workers=workers, on_error="skip")
    ((_, labels),) = loader
    assert labels.tolist() == [target for target in data.targets if not target % 2]


@pytest.mark.parametrize("options", [{"batch_size": None}, {"batch_size": 4, "collate_fn": default_collate}])
def test_two_views_of_a_sample_are_two_in_every_way(folder: Path, options: dict[str, Any]) -> None:
    def views(**more: Any) -> list[torch.Tensor]:
        torch.manual_seed(0)
        data = ImageFolder(folder, AUGMENT)
        loader = fastload.DataLoader(StackDataset(data, data), **more)
        pairs = [(one[0], other[0]) for one, other in loader]
        return [torch.cat([pair[place].reshape(-1, 3, 16, 16) for pair in pairs]) for place in (0, 1)]

    first, second = views(batch_size=4)
    assert not torch.equal(first, second)
    for expected, found in zip((first, second), views(**options), strict=True):
        assert torch.equal(found, expected)


def test_texts_as_targets_are_a_tuple_as_in_torchs_loader(folder: Path) -> None:
    paths = sorted(folder.glob("*/*"))[:4]
    names = [f"photo {number}" for number in range(4)]
    for workers in (0, 1):
        ((_, found),) = fastload.DataLoader(ImageList(paths, names, transform=AUGMENT), 4, num_workers=workers)
        assert found == tuple(names)


@pytest.mark.parametrize("transform", [None, T.ToTensor(), T.Compose([T.Lambda(lambda image: image), T.ToTensor()])])
def test_images_beyond_max_pixels_are_errors_in_every_way(folder: Path, transform: Any) -> None:
    with pytest.raises(DecodeError, match="the limit is 10 in all"):
        ImageFolder(folder, transform, max_pixels=10)[0]
    assert ImageFolder(folder, transform, max_pixels=None)[0][1] == 0


def test_threads_end_after_failed_batches(folder: Path) -> None:
    before = threading.active_count()
    loader = fastload.DataLoader(ImageFolder(folder, AUGMENT), batch_sampler=[[0, 1], *[[999]] * 6], num_workers=2)
    iterator = iter(loader)
    next(iterator)
    with pytest.raises(IndexError):
        next(iterator)
    del iterator
    gc.collect()
    assert threading.active_count() == before


def test_a_transform_changed_under_running_threads_is_an_error_that_says_so(folder: Path) -> None:
    data = ImageFolder(folder, AUGMENT)
    loader = fastload.DataLoader(data, 4, num_workers=2, persistent_workers=True)
    list(loader)
    data.transform = None
    with pytest.raises(RuntimeError, match="no longer makes whole batches natively"):
        list(loader)


@pytest.mark.parametrize("options", [{}, {"worker_type": "thread"}, {"worker_type": "process"}])
def test_a_forked_child_cannot_go_on_with_an_iterator(folder: Path, options: dict[str, Any]) -> None:
    transform = AUGMENT if not options else T.Compose([T.Lambda(lambda image: image), AUGMENT])
    iterator = iter(fastload.DataLoader(ImageFolder(folder, transform), 4, num_workers=2, **options))
    next(iterator)
    child = os.fork()
    if not child:
        status = 1
        try:
            list(iterator)  # what had arrived before the fork may still come
        except RuntimeError as error:
            status = 0 if "forked from it" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(iterator)) == 5


def test_indices_from_the_end_count_as_in_lists(folder: Path) -> None:
    data = ImageFolder(folder, T.Compose([T.Resize((8, 8)), T.ToTensor()]))
    ((images, labels),) = fastload.DataLoader(data, batch_sampler=[[-1, 0, -len(data)]])
    for place, index in enumerate((len(data) - 1, 0, 0)):
        assert torch.equal(images[place], data[index][0])
        assert labels[place] == data[index][1]


def test_image_folders_take_what_torchvisions_take(folder: Path) -> None:
    data = ImageFolder(os.fsencode(folder), AUGMENT)  # type: ignore[arg-type]
    assert ImageFolder.make_dataset(folder, data.class_to_idx, [".jpg", ".png"]) == data.samples
    data.imgs = data.samples[:3]
    assert len(data) == 3
    assert repr(type("Mine", (ImageFolder,), {})(folder)).startswith("Mine(")


def test_files_that_are_larger_than_said_are_not_opened(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "one.png")
    with pytest.raises(DecodeError, match="40 x 30 pixels"):
        ImageList([tmp_path / "one.png"], max_pixels=1000)[0]


@pytest.mark.parametrize("kind", [torch.utils.data.DistributedSampler, fastload.samplers.DistributedSampler])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_new_loader_goes_on_with_the_epoch_that_its_sampler_is_told(folder: Path, kind: Any, workers: int) -> None:
    def begun() -> tuple[Any, fastload.DataLoader]:
        torch.manual_seed(0)
        data = ImageFolder(folder, AUGMENT)
        sampler = kind(data, num_replicas=1, rank=0)
        return sampler, fastload.DataLoader(data, 4, sampler=sampler, num_workers=workers)

    def epoch(sampler: Any, loader: Any, number: int) -> torch.Tensor:
        sampler.set_epoch(number)
        return torch.cat([images for images, _ in loader])

    sampler, loader = begun()
    whole = [epoch(sampler, loader, number) for number in range(4)]
    sampler, loader = begun()
    for number in (2, 3):
        assert torch.equal(epoch(sampler, loader, number), whole[number])


def test_epochs_differ_under_a_sampler_that_is_told_none(folder: Path) -> None:
    data = ImageFolder(folder, T.Compose([T.RandomCrop(16, pad_if_needed=True), T.ToTensor()]))
    sampler: Any = torch.utils.data.DistributedSampler(data, 1, 0, shuffle=False)
    loader = fastload.DataLoader(data, len(data), sampler=sampler)
    first, second = (next(iter(loader))[0] for _ in range(2))
    assert not torch.equal(first, second)
