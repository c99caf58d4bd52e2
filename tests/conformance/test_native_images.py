"""Images from files: the same batches from any number of threads or processes, in any batch size, resumed or not."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from support.photo_folder import make_folder
from torch.utils.data import Subset

import fastload
from fastload import _core
from fastload import transforms as T
from fastload.datasets import ImageFolder
from fastload.io import DecodeError
from fastload.samplers import DistributedSampler

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

SIZE = 16
AUGMENT = T.Compose(
    [T.RandomResizedCrop(SIZE), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("photos"))


def dataset(folder: Path, transform: Any = AUGMENT) -> ImageFolder:
    return ImageFolder(folder, transform)


def rows(loader: Any) -> list[tuple[bytes, int]]:
    """Every sample of an epoch, in order: the bytes of its image, and its label."""
    found = []
    for images, labels in loader:
        assert images.shape[1:] == (3, SIZE, SIZE)
        assert labels.dtype == torch.int64
        found += [(image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True)]
    return found


def loaded(source: Any, batch_size: int = 5, epochs: int = 1, **arguments: Any) -> list[list[tuple[bytes, int]]]:
    torch.manual_seed(3)
    loader = fastload.DataLoader(source, batch_size, shuffle=True, **arguments)
    return [rows(loader) for _ in range(epochs)]


def no_matter(worker: int) -> None:
    """As a worker_init_fn it asks for processes."""


WAYS: dict[str, dict[str, Any]] = {
    "1 thread": {"num_workers": 1},
    "8 threads": {"num_workers": 8},
    "worker_type thread": {"num_workers": 2, "worker_type": "thread"},
    "2 processes": {"num_workers": 2, "worker_init_fn": no_matter},
    "persistent": {"num_workers": 2, "persistent_workers": True},
    "out of order": {"num_workers": 1, "in_order": False},
    "rng of samples": {"num_workers": 2, "rng": "sample"},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_makes_the_batches_that_no_workers_make(folder: Path, way: str) -> None:
    first, second = loaded(dataset(folder), epochs=2)
    found = loaded(dataset(folder), epochs=2, **WAYS[way])
    assert found[0] == first
    # Persistent workers draw no second seed, as with torch, so that the second order is another one.
    assert sorted(found[1]) == sorted(second)
    assert sorted(second) != sorted(first)


def test_a_sample_is_the_same_in_batches_of_any_size(folder: Path) -> None:
    by_five = loaded(dataset(folder))
    assert loaded(dataset(folder), batch_size=7, num_workers=2) == by_five


def test_epochs_and_samples_differ(folder: Path) -> None:
    first, second = loaded(dataset(folder), epochs=2, num_workers=2)
    assert len({image for image, _ in first + second}) == 48


def test_a_subset_has_streams_by_its_own_indices_however_it_is_made(folder: Path) -> None:
    part = Subset(Subset(dataset(folder), list(range(20, 0, -1))), [3, 1, 7, 9, 12, 0])
    alone = loaded(part)
    for way in ("8 threads", "2 processes"):
        assert loaded(part, **WAYS[way]) == alone
    python = Subset(
        Subset(dataset(folder, T.Compose([AUGMENT, T.Lambda(lambda t: t)])), list(range(20, 0, -1))), part.indices
    )
    assert loaded(python) == alone


def test_a_step_in_python_changes_nothing_of_what_is_drawn(folder: Path) -> None:
    between = T.Compose([*AUGMENT.transforms[:2], T.Lambda(lambda image: image), *AUGMENT.transforms[2:]])
    alone = loaded(dataset(folder))
    assert loaded(dataset(folder, between)) == alone
    assert loaded(dataset(folder, between), num_workers=2) == alone


def test_an_epoch_goes_on_from_every_step(folder: Path) -> None:
    torch.manual_seed(1)
    loader = fastload.DataLoader(dataset(folder), 5, shuffle=True, num_workers=2)
    whole, states = [], []
    for images, labels in loader:
        whole.append((images, labels))
        states.append(loader.state_dict())
    for step, state in enumerate(states, start=1):
        for workers in (0, 3):
            resumed = fastload.DataLoader(dataset(folder), 5, shuffle=True, num_workers=workers)
            resumed.load_state_dict(state)
            rest = list(resumed)
            assert len(rest) == len(whole) - step
            for (images, labels), (as_images, as_labels) in zip(rest, whole[step:], strict=True):
                assert torch.equal(images, as_images)
                assert torch.equal(labels, as_labels)


def test_ranks_share_the_images(folder: Path) -> None:
    found = []
    for rank in range(2):
        torch.manual_seed(0)
        source = dataset(folder)
        sampler = DistributedSampler(source, 2, rank)
        found += rows(fastload.DataLoader(source, 4, sampler=sampler, num_workers=2))
    assert len({image for image, _ in found}) == 24


def test_pixels_are_pillows(folder: Path) -> None:
    transform = T.Compose([T.Resize(20), T.CenterCrop(SIZE), T.PILToTensor()])
    source = ImageFolder(folder, transform, scaled_decoding=False)
    images = torch.cat([images for images, _ in fastload.DataLoader(source, 5, num_workers=2)])
    for image, (path, _) in zip(images, source.samples, strict=True):
        with Image.open(path) as file:
            photo = file.convert("RGB")
        short = min(photo.size)
        wide, high = (20 * side // short for side in photo.size)
        photo = photo.resize((wide, high), Image.Resampling.BILINEAR)
        left, top = round((wide - SIZE) / 2), round((high - SIZE) / 2)
        expected = np.asarray(photo.crop((left, top, left + SIZE, top + SIZE))).transpose(2, 0, 1)
        assert np.abs(image.numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_decoded_at_a_smaller_scale_is_not_shifted(tmp_path: Path, orientation: int) -> None:
    """A slope of one level for each of its pixels shows a shift as a difference of the mean."""
    rows, columns = np.mgrid[:1001, :801]
    slopes = np.stack([columns * 255 / 800, rows * 255 / 1000, np.full(rows.shape, 90)], axis=-1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "ant").mkdir()
    Image.fromarray(slopes).save(tmp_path / "ant" / "1.jpg", exif=exif, quality=100, subsampling=0)
    transform = T.Compose([T.Resize((100, 100)), T.PILToTensor()])
    image = ImageFolder(tmp_path, transform, apply_exif_orientation=True)[0][0].permute(1, 2, 0).numpy()
    with Image.open(tmp_path / "ant" / "1.jpg") as file:
        photo = ImageOps.exif_transpose(file).resize((100, 100), Image.Resampling.BILINEAR)
    assert np.abs(image.astype(int) - np.asarray(photo)).mean() < 0.5


def test_a_row_of_a_batch_is_the_sample_under_its_key(folder: Path) -> None:
    source = dataset(folder)
    torch.manual_seed(0)
    loader = fastload.DataLoader(source, 4, num_workers=2)
    images, _ = next(iter(loader))
    seed = loader.state_dict()["_sample_seed"]
    plan = source.batch_plan()
    assert plan is not None
    for index in range(4):
        made = plan.program.run_sample(source.source(), index, _core.sample_key(seed, 0, index)) if index != 2 else None
        if made is not None:
            assert np.array_equal(images[index].numpy(), made)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    root = make_folder(tmp_path)
    whole = (root / "ant" / "003.jpg").read_bytes()
    (root / "ant" / "003.jpg").write_bytes(whole[:300])
    (root / "bee" / "001.jpg").write_text("not an image")
    return root


@pytest.mark.parametrize("way", [{}, {"num_workers": 2}, {"num_workers": 2, "worker_init_fn": no_matter}])
def test_a_broken_file_is_an_error_that_names_it(broken: Path, way: dict[str, Any]) -> None:
    source = dataset(broken)
    index = next(n for n, (path, _) in enumerate(source.samples) if path.endswith("ant/003.jpg"))
    loader = fastload.DataLoader(source, 8, **way)
    with pytest.raises(DecodeError, match=r"ant/003\.jpg") as caught:
        next(iter(loader))
    notes = " ".join([*getattr(caught.value, "__notes__", []), str(caught.value)])
    assert f"dataset index {index}, position {index} in the batch" in notes


@pytest.mark.parametrize("way", [{}, {"num_workers": 2}])
def test_broken_files_are_left_out_or_replaced(broken: Path, way: dict[str, Any]) -> None:
    source = dataset(broken)
    loader = fastload.DataLoader(source, 8, on_error="skip", **way)
    assert len(rows(loader)) == 22
    assert loader.stats().skipped == 2
    replaced: list[int] = []

    def grey(index: int, error: Exception) -> tuple[torch.Tensor, int]:
        assert isinstance(error, DecodeError)
        replaced.append(index)
        return torch.full((3, SIZE, SIZE), 0.5), 2

    loader = fastload.DataLoader(source, 8, on_error=grey, **way)
    images = torch.cat([images for images, _ in loader])
    assert len(images) == 24
    assert [index for index in range(24) if bool((images[index] == 0.5).all())] == sorted(replaced)
    assert len(replaced) == 2


def test_a_batch_of_nothing_but_broken_files_is_an_error(broken: Path) -> None:
    source = Subset(dataset(broken), [1, 1])
    path, _ = source.dataset.samples[1]
    Path(path).write_text("not an image")
    with pytest.raises(RuntimeError, match="all 2 samples of this batch failed"):
        next(iter(fastload.DataLoader(source, 2, on_error="skip", num_workers=1)))


def test_leaving_the_loop_leaves_no_thread(folder: Path) -> None:
    before = threading.active_count()
    for _ in fastload.DataLoader(dataset(folder), 2, num_workers=3):
        break
    iterator = iter(fastload.DataLoader(dataset(folder), 2, num_workers=3))
    next(iterator)
    assert threading.active_count() > before
    del iterator
    assert threading.active_count() == before


def test_a_persistent_iterator_begins_anew_in_the_middle(folder: Path) -> None:
    torch.manual_seed(0)
    loader = fastload.DataLoader(dataset(folder), 2, num_workers=2, persistent_workers=True)
    next(iter(loader))
    assert len(rows(loader)) == 24
    loader._iterator._shutdown_workers()


def test_labels_go_through_the_target_transform(folder: Path) -> None:
    source = ImageFolder(folder, AUGMENT, target_transform=lambda label: label + 10)
    for way in ({}, {"num_workers": 2}):
        labels = torch.cat([labels for _, labels in fastload.DataLoader(source, 5, **way)])
        assert labels.tolist() == [label + 10 for label in source.targets]


def test_the_time_of_each_stage_is_in_the_stats(folder: Path) -> None:
    loader = fastload.DataLoader(dataset(folder), 5, num_workers=2)
    rows(loader)
    stages = loader.stats().stages
    assert list(stages) == ["read", "decode", "resample", "finish"]
    assert loader.stats().samples == 24
    assert loader.stats().fetch_s == pytest.approx(sum(stages.values()))


def test_an_index_out_of_range_is_an_error(folder: Path) -> None:
    for way in ({}, {"num_workers": 1}):
        with pytest.raises(IndexError, match="out of bounds for 24 images"):
            list(fastload.DataLoader(dataset(folder), sampler=[0, 24], **way))


def test_a_sampler_may_give_scalars_of_torch(folder: Path) -> None:
    source = dataset(folder, T.Compose([T.Resize((SIZE, SIZE)), T.ToTensor()]))
    by_ints = rows(fastload.DataLoader(source, 3))
    assert rows(fastload.DataLoader(source, 3, sampler=list(torch.arange(24)), num_workers=1)) == by_ints
