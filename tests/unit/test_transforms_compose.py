"""Compose: what it fuses and shows, how it takes samples, and how it plans for images from files."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from support.images import array_of, image_of, pixels

from fastload import _core
from fastload import transforms as T
from fastload._stream import sample_key
from fastload.transforms import functional as F

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def training() -> list[Any]:
    return [T.RandomResizedCrop(12), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(MEAN, STD)]


def brighter(image: Any) -> Any:
    return image + 1


def values(sample: Any) -> list[Any]:
    return list(sample.values() if isinstance(sample, dict) else sample)


class Half(torch.nn.Module):
    def forward(self, image: Any) -> Any:
        return image / 2


class Sample(NamedTuple):
    image: Any
    label: int


def test_the_representation_shows_what_is_native_and_why_the_rest_is_not() -> None:
    chain = T.Compose([T.Resize(9), T.ToTensor(), T.Resize((4, 5)), T.Lambda(brighter), Half(), T.RandomVerticalFlip()])
    assert (
        repr(chain)
        == """Compose(
    native, one pass:
        Resize(size=[9], interpolation=bilinear, antialias=True)
        ToTensor()
    Python, as it resamples floats:
        Resize(size=[4, 5], interpolation=bilinear, antialias=True)
    Python, as they are functions, have hooks, or are transforms of others:
        Lambda(brighter)
        Half()
    then, native wherever an 8-bit image comes out of that:
        RandomVerticalFlip(p=0.5)
)"""
    )


@pytest.mark.parametrize(
    "steps",
    [
        [T.ToImage(), T.ToDtype(torch.float64, scale=True)],
        [T.ToImage(), T.ToDtype(torch.int32)],
        [T.ToImage(), T.ToPILImage("HSV")],
        [T.ToTensor(), T.ToPILImage()],
        [T.OneOf([Half(), T.Identity()])],
    ],
    ids=repr,
)
def test_after_a_conversion_in_python_the_representation_claims_nothing(steps: list[Any]) -> None:
    text = repr(T.Compose([*steps, T.Resize(9), T.Identity()]))
    assert text.endswith(
        "    then, native wherever an 8-bit image comes out of that:\n"
        "        Resize(size=[9], interpolation=bilinear, antialias=True)\n"
        "        Identity()\n)"
    )


def test_after_a_step_in_python_that_converts_nothing_the_rest_is_native() -> None:
    text = repr(T.Compose([T.ToImage(), T.Resize(9, "bicubic", antialias=False), T.RandomVerticalFlip(), T.ToTensor()]))
    assert [line for line in text.split("\n") if line.endswith(":")] == [
        "    native, one pass:",
        "    Python, as antialias is off:",
        "    native, one pass:",
    ]


def test_a_chain_of_native_transforms_is_one_pass() -> None:
    assert repr(T.Compose(training())).count(":\n") == 1
    assert repr(T.Compose(training())).startswith(
        "Compose(\n    native, one pass:\n        RandomResizedCrop(size=(12, 12)"
    )


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([T.ToTensor(), T.Grayscale()], "it mixes floats"),
        ([T.ToTensor(), T.RandomResizedCrop(4)], "it resamples floats"),
        ([T.ToTensor(), T.Normalize(MEAN, STD), T.Pad(1)], "its border is no level of an 8-bit image"),
        ([T.ToTensor(), T.Normalize(MEAN, STD), T.CenterCrop(4)], "its border is no level of an 8-bit image"),
        ([T.ToTensor(), T.Pad(1, fill=0.5)], "its border is no level of an 8-bit image"),
        ([T.ToImage(), T.Resize(4, "bicubic", antialias=False)], "antialias is off"),
        ([T.Pad(1, fill=(1, 2))], "its fill [1, 2] is not a level from 0 to 255, or one for each channel (3)"),
        ([T.Pad(1, fill=-3)], "its fill -3 is not a level from 0 to 255, or one for each channel (3)"),
        ([T.Normalize(MEAN, STD)], "it takes no PIL images"),
        ([T.ToImage(), T.ToDtype(torch.float64, scale=True)], "float64 is not made natively"),
        ([T.ToTensor(), T.ToPILImage()], "it rounds floats"),
    ],
    ids=repr,
)
def test_a_step_that_cannot_be_native_says_why(steps: list[Any], reason: str) -> None:
    text = repr(T.Compose([*steps, T.Identity()]))
    assert f"Python, as {reason}:\n        {type(steps[-1]).__name__}(" in text


@pytest.mark.parametrize(
    "steps",
    [
        [T.ToTensor(), T.Pad(1), T.CenterCrop(60), T.Normalize(MEAN, STD)],  # 0 was level 0
        [T.Resize((20, 20)), T.ToTensor(), T.Normalize(MEAN, STD), T.CenterCrop(18)],  # always fits
        [T.ToTensor(), T.Normalize(MEAN, STD), T.Pad(2, padding_mode="reflect"), T.RandomCrop(9)],
        [T.ToTensor(), T.RandomHorizontalFlip(), T.Normalize(MEAN, STD), T.RandomVerticalFlip()],
        [T.ToImage(), T.Resize(8), T.ToDtype(torch.float16, scale=True), T.Normalize(MEAN, STD)],
        [T.ToImage(), T.ToPILImage(), T.Grayscale(), T.ToTensor(), T.Normalize(MEAN, STD)],
        [T.Resize(9, antialias=False), T.PILToTensor()],
        [T.ToImage(), T.Resize(9, antialias=False)],
    ],
    ids=repr,
)
def test_moves_after_the_conversion_stay_native_where_that_is_exact(steps: list[Any]) -> None:
    chain = T.Compose(steps)
    assert "Python" not in repr(chain)
    image = image_of(pixels(21, 30), "pil")
    for seed in range(5):
        torch.manual_seed(seed)
        found = chain(image)
        torch.manual_seed(seed)
        assert torch.equal(found, step_by_step(steps, image))


def step_by_step(steps: list[Any], image: Any) -> Any:
    """The chain in Python, with the draws that a native pass has after the same seed."""
    key = sample_key() if any(step.is_random for step in steps) else 0
    for stream, step in enumerate(steps):
        image = step.transformed(image, key, stream)
    return image


def test_labels_pass_through() -> None:
    chain = T.Compose(training())
    image = image_of(pixels(), "pil")
    label = {"score": torch.ones(2, 4)}
    for result in (chain(image, label, 7), T.RandomHorizontalFlip()(image, label, 7)):
        assert type(result) is tuple
        assert result[1] is label
        assert result[2] == 7
    assert chain(image, label)[0].shape == (3, 12, 12)


@pytest.mark.parametrize(
    "sample",
    [
        lambda image: (image, 3),
        lambda image: [image, 3],
        lambda image: Sample(image, 3),
        lambda image: {"image": image, "label": 3},
        lambda image: (torch.ones(4), image),  # a PIL image is the image, wherever it stands
    ],
)
def test_a_sample_that_comes_whole_keeps_its_type(sample: Any) -> None:
    image = image_of(pixels(), "pil")
    before = sample(image)
    after = T.Compose([T.Resize(8), T.CenterCrop(8)])(before)
    assert type(after) is type(before)
    parts = values(after)
    assert sorted(part.size for part in parts if isinstance(part, Image.Image)) == [(8, 8)]
    assert [part for part in parts if isinstance(part, int)] == [
        part for part in values(before) if isinstance(part, int)
    ]


def test_of_several_tensors_the_first_is_the_image() -> None:
    image, other = torch.arange(12).reshape(3, 2, 2), torch.arange(4)
    found, kept = T.RandomHorizontalFlip(p=1)(image, other)
    assert torch.equal(found, image.flip(-1))
    assert kept is other


def test_lambda_takes_every_part_of_its_types() -> None:
    assert T.Lambda(lambda part: part * 2)(torch.ones(1), 3) == (torch.full((1,), 2.0), 6)
    assert T.Lambda(lambda part: part * 2, torch.Tensor)((torch.ones(1), 3)) == (torch.full((1,), 2.0), 3)
    assert repr(T.Lambda(brighter, torch.Tensor)) == "Lambda(brighter, types=['Tensor'])"


def test_functions_and_modules_of_the_user_are_steps() -> None:
    image = image_of(pixels(), "pil")
    chain = T.Compose([T.Resize((8, 9)), T.ToTensor(), brighter, Half(), torch.nn.Flatten(1)])
    wanted = (F.to_tensor(F.resize(image, [8, 9])) + 1) / 2
    assert torch.equal(chain(image), wanted.flatten(1))


def test_functions_of_the_user_get_every_part_as_in_torchvision() -> None:
    def swap(image: Any, label: int) -> tuple[Any, int]:
        return image, label + 1

    found, label = T.Compose([T.Resize(8), swap, T.CenterCrop(8)])(image_of(pixels(), "pil"), 1)
    assert found.size == (8, 8)
    assert label == 2


def test_a_native_run_begins_again_after_a_function() -> None:
    image = image_of(pixels(), "pil")
    chain = T.Compose([T.Resize(16), lambda one: one.rotate(90), T.CenterCrop(8), T.ToTensor()])
    wanted = F.to_tensor(F.center_crop(F.resize(image, 16).rotate(90), 8))
    assert torch.equal(chain(image), wanted)


def test_nested_chains_are_one_chain() -> None:
    steps = training()
    nested = T.Compose([T.Compose(steps[:1]), T.Compose([T.Compose(steps[1:3]), steps[3]])])
    assert repr(nested) == repr(T.Compose(steps))
    image = image_of(pixels(), "pil")
    torch.manual_seed(4)
    wanted = T.Compose(steps)(image)
    torch.manual_seed(4)
    assert torch.equal(nested(image), wanted)


@pytest.mark.parametrize("copied", [lambda chain: pickle.loads(pickle.dumps(chain)), copy.deepcopy])
def test_a_copy_gives_the_same(copied: Any) -> None:
    image = image_of(pixels(), "pil")
    chain = T.Compose([*training(), T.Lambda(brighter)])
    torch.manual_seed(2)
    wanted = chain(image)
    twin = copied(chain)  # after it was used, with all that was planned
    torch.manual_seed(2)
    assert torch.equal(twin(image), wanted)
    assert repr(twin) == repr(chain)


def test_a_change_of_an_attribute_counts_from_the_next_call_on() -> None:
    resize = T.Resize((4, 4))
    chain = T.Compose([resize, T.ToTensor()])
    image = image_of(pixels(), "pil")
    assert chain(image).shape == (3, 4, 4)
    resize.size = [5, 6]
    assert chain(image).shape == (3, 5, 6)
    chain.transforms.append(T.Grayscale())
    assert chain(image).shape == (1, 5, 6)


def test_a_subclass_with_a_forward_of_its_own_is_called_as_it_is() -> None:
    class Twice(T.Resize):
        def forward(self, *inputs: Any) -> Any:
            return super().forward(*inputs).rotate(90)

    image = image_of(pixels(), "pil")
    chain = T.Compose([Twice((4, 6)), T.ToTensor()])
    assert chain(image).shape == (3, 4, 6)
    assert torch.equal(chain(image), F.to_tensor(F.resize(image, [4, 6]).rotate(90)))
    assert chain.file_plan() is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_plan_for_files_gives_what_the_chain_gives(mode: str) -> None:
    image = image_of(pixels(), "pil").convert(mode)
    means = MEAN if mode == "RGB" else [0.5]
    chain = T.Compose([*training()[:3], T.Normalize(means, means)])
    plan = chain.file_plan(mode)
    assert plan is not None
    assert plan.whole
    assert (plan.kind, plan.channels_last, plan.tail, plan.stops) == ("tensor", False, (), "")
    assert plan.program.out_size() == (12, 12)
    torch.manual_seed(1)
    wanted = chain(image)
    torch.manual_seed(1)
    key = sample_key()
    assert torch.equal(plan.finish(plan.program.run(np.asarray(image), key), key), wanted)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_plan_run_on_a_file_gives_what_the_chain_gives_of_the_opened_file(mode: str, tmp_path: Path) -> None:
    smooth = np.indices((90, 120)).sum(axis=0).astype(np.uint8)
    image_of(np.dstack([smooth, smooth[::-1], smooth[:, ::-1]]), "pil").convert(mode).save(tmp_path / "0.jpg")
    chain = T.Compose([T.RandomResizedCrop(24), T.RandomHorizontalFlip(), T.ToTensor()])
    plan = chain.file_plan(mode)
    assert plan is not None
    source = _core.ImageFiles([tmp_path / "0.jpg"], mode, scaled_decoding=False)
    with Image.open(tmp_path / "0.jpg") as opened:
        for key in range(20):
            wanted = chain.chain().run(opened.convert(mode), key)
            found = plan.finish(plan.program.run_sample(source, 0, key))
            assert (found - wanted).abs().max() <= 2.01 / 255


def test_a_plan_applies_its_tail_with_the_key_of_the_sample() -> None:
    image = image_of(pixels(), "pil")
    chain = T.Compose([T.RandomCrop(12), T.Pad(1), T.ToTensor(), T.Lambda(brighter), T.RandomHorizontalFlip()])
    plan = chain.file_plan()
    assert plan is not None
    assert not plan.whole
    assert [type(step) for step in plan.tail] == [T.Lambda, T.RandomHorizontalFlip]
    for key in range(6):
        found = plan.finish(plan.program.run(np.asarray(image), key), key)
        assert torch.equal(found, chain.chain().run(image, key))


@pytest.mark.parametrize(
    ("steps", "kind", "whole"),
    [
        ([T.Resize((4, 5))], "pil", False),
        ([T.Resize(4), T.ToTensor()], "tensor", False),  # of sizes that differ
        ([T.Resize(8), T.CenterCrop(6), T.ToImage()], "tensor", True),
        ([T.ToTensor(), T.RandomCrop(6)], "tensor", True),
    ],
    ids=repr,
)
def test_a_plan_says_whether_whole_batches_are_native(steps: list[Any], kind: str, whole: bool) -> None:
    plan = T.Compose(steps).file_plan()
    assert plan is not None
    assert (plan.kind, plan.whole) == (kind, whole)


def test_a_transform_alone_has_a_plan_too_and_nothing_native_has_none() -> None:
    plan = T.ToTensor().file_plan()
    assert plan is not None
    array = pixels()
    assert torch.equal(plan.finish(plan.program.run(array, 0)), F.to_tensor(array))
    assert T.Compose([brighter, T.Resize(4)]).file_plan() is None
    assert T.Lambda(brighter).file_plan() is None
    with pytest.raises(ValueError, match="mode must be one of L, RGB, got 'RGBA'"):
        T.ToTensor().file_plan("RGBA")


def test_a_pil_image_comes_out_of_a_plan_as_torchvisions_loader_would_go_on_with() -> None:
    plan = T.Compose([T.Resize((4, 5)), T.Grayscale()]).file_plan()
    assert plan is not None
    found = plan.finish(plan.program.run(pixels(), 0))
    assert isinstance(found, Image.Image)
    assert (found.mode, found.size) == ("L", (5, 4))


def test_bfloat16_comes_out_as_such() -> None:
    plan = T.Compose([T.Resize((4, 5)), T.ToImage(), T.ToDtype(torch.bfloat16, scale=True)]).file_plan()
    assert plan is not None
    assert plan.finish(plan.program.run(pixels(), 0)).dtype == torch.bfloat16


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_tensors_of_other_channels_are_transformed_too(channels: int) -> None:
    array = pixels(20, 24, channels)
    chain = T.Compose([T.Resize((10, 12)), T.RandomHorizontalFlip(1), T.ToDtype(torch.float32, scale=True)])
    found = chain(image_of(array, "tensor"))
    resized = F.resize(image_of(array, "tensor"), [10, 12])
    assert torch.equal(found, F.to_dtype(resized.flip(-1), torch.float32, scale=True))


def test_arrays_stay_arrays_without_and_with_channels() -> None:
    chain = T.Compose([T.Resize((5, 6)), T.ToDtype(torch.float32, scale=True), T.Normalize([0.5], [0.5])])
    grey, colour = chain(pixels(9, 9, 0)), chain(pixels(9, 9))
    assert (grey.shape, grey.dtype) == ((5, 6), np.float32)
    assert colour.shape == (5, 6, 3)
    assert np.array_equal(array_of(chain(image_of(pixels(9, 9), "tensor"))), colour)


def test_importing_needs_neither_pillow_nor_torchvision() -> None:
    program = (
        "import sys; import fastload.transforms as T; import numpy as np\n"
        "assert T.Resize(3)(np.zeros((5, 6, 3), np.uint8)).shape == (3, 3, 3)\n"
        "found = [name for name in sys.modules if name.split('.')[0] in ('PIL', 'torchvision')]\n"
        "assert found == [], found"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
