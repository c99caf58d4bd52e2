"""A transform that is changed, or gets a hook, after it has been planned as a part of others."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

IMAGE = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
MIRRORED = IMAGE[:, ::-1]
AROUND = [
    lambda step: step,
    lambda step: T.Compose([step]),
    lambda step: T.Compose([T.Compose([step]), T.Identity()]),
    lambda step: T.RandomApply([step], 1.0),
    lambda step: T.Compose([T.RandomOrder([T.Compose([step])])]),
    lambda step: T.OneOf([T.SomeOf([step])], 1.0),
]


@pytest.mark.parametrize("around", AROUND[:-1])  # in the last a probability is a weight
def test_a_change_of_a_part_counts_in_the_whole(around: Any) -> None:
    flip = T.RandomHorizontalFlip(0.0)
    whole = around(flip)
    assert np.array_equal(whole(IMAGE), IMAGE)
    flip.p = 1.0
    assert np.array_equal(whole(IMAGE), MIRRORED)


@pytest.mark.parametrize("around", [T.Compose, T.RandomOrder])
def test_so_does_another_part_in_its_place(around: Any) -> None:
    whole = around([T.RandomHorizontalFlip(0.0)])
    for p, expected in ((1.0, MIRRORED), (0.0, IMAGE), (1.0, MIRRORED)):
        whole.transforms.pop()  # the next one may lie where this was
        whole.transforms.append(T.RandomHorizontalFlip(p))
        assert np.array_equal(whole(IMAGE), expected)


def put(values: Any, *new: Any) -> None:
    values[:] = new


def turned(step: Any) -> None:
    step.size.reverse()


LISTS: dict[str, tuple[Any, Any, Any]] = {  # what is made, how a list in it is changed, and what is then the same
    "an item": (lambda: T.Resize((4, 5)), lambda step: step.size.__setitem__(0, 7), lambda: T.Resize((7, 5))),
    "a slice": (lambda: T.Resize((4, 5)), lambda step: put(step.size, 3, 9), lambda: T.Resize((3, 9))),
    "one less": (lambda: T.Resize((7, 5)), lambda step: step.size.pop(), lambda: T.Resize(7)),
    "in reverse": (lambda: T.Resize((4, 5)), turned, lambda: T.Resize((5, 4))),
    "sorted": (lambda: T.Resize((5, 4)), lambda step: step.size.sort(), lambda: T.Resize((4, 5))),
    "other levels": (
        lambda: T.Compose([T.ToTensor(), T.Normalize([0.0], [1.0])]),
        lambda step: put(step.transforms[1].mean, 0.5),
        lambda: T.Compose([T.ToTensor(), T.Normalize([0.5], [1.0])]),
    ),
    "other lengths": (
        lambda: T.RandomShortestSize([4]),
        lambda step: put(step.min_size, 9),
        lambda: T.RandomShortestSize([9]),
    ),
    "other weights": (
        lambda: T.RandomChoice([T.RandomInvert(1.0), T.Identity()], p=[1, 0]),
        lambda step: put(step.choice_weights, 0.0, 1.0),
        T.Identity,
    ),
    "another border": (
        lambda: T.Pad(1, fill=[1, 2, 3]),
        lambda step: step.fill.__setitem__(1, 9),
        lambda: T.Pad(1, fill=[1, 9, 3]),
    ),
}
SAME = [lambda step: step, lambda step: pickle.loads(pickle.dumps(step)), copy.copy, copy.deepcopy]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("same", SAME, ids=["itself", "pickled", "copied", "copied deeply"])
def test_a_change_of_a_list_counts(name: str, same: Any) -> None:
    make, change, other = LISTS[name]
    step = same(make())
    before = [np.asarray(step(IMAGE)), np.asarray(step(IMAGE, 7)[0])]  # planned
    change(step)
    expected = np.asarray(other()(IMAGE))
    for made in (step(IMAGE), step(IMAGE, 7)[0], T.Compose([step])(IMAGE)):
        assert np.array_equal(made, expected)
    assert before[0].shape != expected.shape or not np.array_equal(before[0], expected)


def test_a_list_stays_one_whoever_has_it() -> None:
    one = T.Resize((4, 5))
    other = T.Resize((6, 7))
    other.size = one.size
    assert (one.size, other.size, repr(one.size)) == ([4, 5], [4, 5], "[4, 5]")
    assert isinstance(one.size, list)
    assert other(IMAGE).shape == (4, 5, 3)
    other.size[0] = 9
    assert (one(IMAGE).shape, other(IMAGE).shape) == ((4, 5, 3), (9, 5, 3))
    kept = one.size
    del one
    kept.append(3)  # and nobody is told
    assert type(copy.copy(kept)) is list


def test_all_lists_are_looked_after() -> None:
    steps = [
        *(T.Resize(3), T.Normalize(0, 1), T.RandomShortestSize(3), T.LongestMaxSize([3]), T.RandomIoUCrop()),
        *(T.Pad(1, fill=[1]), T.RandomErasing(value=[1]), T.RandomChoice([T.Identity()], [1])),
    ]
    lists = [value for step in steps for name, value in vars(step).items() if isinstance(value, list)]
    assert len(lists) == 10
    assert [type(value) for value in lists].count(list) == 1, "the transforms of a container are asked each time"


def test_lists_of_a_transform_of_ones_own_stay_the_very_lists() -> None:
    class Noting(T.Transform):
        def __init__(self, seen: list[Any]) -> None:
            super().__init__()
            self.seen = seen

        def forward(self, image: Any) -> Any:
            self.seen.append(image.shape)
            return image

    seen: list[Any] = []
    T.Compose([T.Resize(3), Noting(seen)])(IMAGE)
    assert seen == [(4, 3, 3)]


def test_fusing_may_be_switched_off() -> None:
    turns = [T.RandomAffine((20, 20), interpolation="bilinear"), T.RandomAffine((-20, -20), interpolation="bilinear")]
    whole, apart = T.Compose(turns), T.Compose(turns, fuse=False)
    assert not np.array_equal(whole(IMAGE), apart(IMAGE))
    whole.fuse = False
    assert np.array_equal(whole(IMAGE), apart(IMAGE))


TURNS = [T.RandomAffine((angle, angle), interpolation="bilinear") for angle in (20, -20)]
WITHIN = [
    *AROUND[:-1],
    lambda step: T.Compose([T.RandomChoice([step]), T.Identity()]),
    lambda step: T.RandomApply([T.OneOf([step], 1.0), T.Identity()], 1.0),
    lambda step: T.Compose([T.Compose([T.RandomOrder([step])])]),
]


@pytest.mark.parametrize("around", WITHIN)
@pytest.mark.parametrize("image", [IMAGE, torch.from_numpy(IMAGE).permute(2, 0, 1)], ids=["array", "tensor"])
def test_and_a_part_that_is_not_fused_is_not_in_the_whole(around: Any, image: Any) -> None:
    one_by_one = TURNS[1](TURNS[0](image))
    part = T.Compose(TURNS)
    whole = around(part)
    assert not np.array_equal(whole(image), one_by_one)
    part.fuse = False
    assert np.array_equal(whole(image), one_by_one)
    target = {"boxes": [[1.0, 2.0, 5.0, 6.0]]}
    made, moved = whole(image, target)
    assert np.array_equal(made, one_by_one)
    assert moved["boxes"] == T.Compose(TURNS, fuse=False)(image, target)[1]["boxes"]


def test_around_such_a_part_steps_are_fused() -> None:
    part = T.Compose(TURNS, fuse=False)
    whole = T.Compose([*TURNS, part, *TURNS])
    apart = [T.Compose(TURNS), *TURNS, T.Compose(TURNS)]
    made = IMAGE
    for step in apart:
        made = step(made)
    assert np.array_equal(whole(IMAGE), made)
    assert repr(whole).count("native, one pass") == 3
    assert len(whole.file_plan().tail) == 4


def test_such_a_part_draws_what_it_draws_where_it_is_fused() -> None:
    steps = [T.RandomHorizontalFlip(), T.RandomCrop(3), T.RandomInvert()]
    for around in WITHIN:
        made = []
        for fuse in (True, False):
            torch.manual_seed(5)
            whole = around(T.Compose(steps, fuse=fuse))
            made.append([whole(IMAGE) for _ in range(8)])
        assert np.array_equal(made[0], made[1])


@pytest.mark.parametrize("around", AROUND)
def test_hooks_are_run_where_a_transform_is_a_part_of_others(around: Any) -> None:
    flip, seen = T.RandomHorizontalFlip(1.0), []
    whole = around(flip)
    assert np.array_equal(whole(IMAGE), MIRRORED), "planned before there is a hook"
    before = flip.register_forward_pre_hook(lambda module, inputs: seen.append((module is flip, len(inputs))))
    after = flip.register_forward_hook(lambda module, inputs, output: output if seen else IMAGE)
    assert np.array_equal(whole(IMAGE), MIRRORED)
    assert [count for _, count in seen] == [1]
    before.remove()
    seen.clear()
    assert np.array_equal(whole(IMAGE), IMAGE), "what a hook returns is what comes out"
    after.remove()
    assert np.array_equal(whole(IMAGE), MIRRORED)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", ["forward_pre", "forward"])
def test_a_hook_of_either_kind_is_called(around: Any, kind: str) -> None:
    flip, seen = T.RandomHorizontalFlip(1.0), []
    whole = around(flip)
    assert np.array_equal(whole(IMAGE), MIRRORED), "planned before there is a hook"
    getattr(flip, f"register_{kind}_hook")(lambda *_: seen.append(kind))
    assert np.array_equal(whole(IMAGE), MIRRORED)
    assert seen == [kind]


@pytest.mark.parametrize("around", AROUND)
def test_boxes_are_those_of_the_whole_in_a_part_with_hooks(around: Any) -> None:
    flip = T.RandomHorizontalFlip(1.0)
    flip.register_forward_hook(lambda *_: None)
    whole = T.Compose([around(flip)], boxes="coco")
    _, target = whole(IMAGE, {"boxes": [[1.0, 2.0, 2.0, 3.0]]})
    assert target["boxes"] == [[3.0, 2.0, 2.0, 3.0]]
    assert flip(IMAGE, {"boxes": [[1.0, 2.0, 2.0, 3.0]]})[1]["boxes"] == [[4.0, 2.0, 5.0, 3.0]], "alone it is xyxy"


def test_boxes_are_those_of_the_whole_in_a_forward_of_ones_own() -> None:
    class Twice(T.RandomHorizontalFlip):
        def forward(self, *inputs: Any) -> Any:
            return super().forward(*super().forward(*inputs))

    image, target = T.Compose([Twice(1.0)], boxes="coco")(IMAGE, {"boxes": [[1.0, 2.0, 2.0, 1.0]]})
    assert np.array_equal(image, IMAGE)
    assert target["boxes"] == [[1.0, 2.0, 2.0, 1.0]]


@pytest.mark.parametrize("sample", [IMAGE, (IMAGE, 7)], ids=["alone", "with a label"])
def test_hooks_of_all_modules_are_run(sample: Any) -> None:
    flip, seen = T.RandomHorizontalFlip(1.0), []
    flip(sample)
    hook = torch.nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(module))
    try:
        flip(sample)
    finally:
        hook.remove()
    assert seen == [flip]


def test_an_array_by_itself_draws_what_it_would_with_a_label() -> None:
    for step in (T.RandomCrop(3), T.RandomHorizontalFlip(), T.RandomInvert(1.0)):
        torch.manual_seed(3)
        alone = [step(IMAGE) for _ in range(8)]
        torch.manual_seed(3)
        beside = [step(IMAGE, 7)[0] for _ in range(8)]
        assert np.array_equal(alone, beside)


def test_a_subclass_may_take_more_by_name() -> None:
    class Shifted(T.RandomHorizontalFlip):
        def forward(self, *inputs: Any, by: int = 0) -> Any:
            return super().forward(*inputs) + np.uint8(by)

    shifted = Shifted(1.0)
    assert np.array_equal(shifted(IMAGE, by=2), MIRRORED + 2)
    assert np.array_equal(shifted(IMAGE), MIRRORED)


def test_hooks_of_the_whole_are_run_once() -> None:
    seen: list[Any] = []
    inner = T.Compose([T.RandomHorizontalFlip(1.0)])
    inner.register_forward_hook(lambda module, inputs, output: seen.append(output))
    assert np.array_equal(T.Compose([inner, T.RandomVerticalFlip(1.0)])(IMAGE), MIRRORED[::-1])
    assert len(seen) == 1
    assert np.array_equal(seen[0], MIRRORED)


def test_what_is_printed_says_that_a_part_has_hooks() -> None:
    flip = T.RandomHorizontalFlip(1.0)
    whole = T.Compose([T.Resize(8), flip, T.ToTensor()])
    assert "have hooks" not in repr(whole)
    flip.register_forward_hook(_nothing)
    lines = repr(pickle.loads(pickle.dumps(whole))).splitlines()
    assert "have hooks" in lines[lines.index("        RandomHorizontalFlip(p=1.0)") - 1]


def _nothing(module: torch.nn.Module, inputs: Any, output: Any) -> None:
    pass


@pytest.mark.parametrize("around", AROUND[:-1])
def test_a_forward_that_is_put_on_one_transform_is_what_runs(around: Any) -> None:
    flip = T.RandomHorizontalFlip(1.0)
    whole = around(flip)
    assert np.array_equal(whole(IMAGE), MIRRORED)
    flip.forward = lambda image: image[::-1]  # type: ignore[method-assign]
    assert np.array_equal(whole(IMAGE), IMAGE[::-1])
    del flip.forward
    assert np.array_equal(whole(IMAGE), MIRRORED)


def test_a_change_counts_in_a_copy_from_another_process() -> None:
    program = """
import pickle, sys, numpy as np
flip = pickle.load(sys.stdin.buffer)
image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
assert (flip(image) == image).all()
while vars(flip)["_version"] != 200:  # the number that it had where it came from
    flip.p = 1.0
assert (flip(image) == image[:, ::-1]).all()
"""
    flip = T.RandomHorizontalFlip(0.0)
    vars(flip)["_version"] = 200
    subprocess.run([sys.executable, "-W", "error", "-c", program], input=pickle.dumps(flip), check=True)


def test_an_array_is_made_as_the_transform_is_whatever_threads_have_changed_meanwhile() -> None:
    class Asked(T.CenterCrop):
        asked = 0

        def native_op(self, stream: int, channels: int = 3) -> Any:
            op = super().native_op(stream, channels)
            if self.asked == 0:  # as another thread might, while this one plans
                self.__dict__["asked"] = 1
                self.size = (2, 2)
            return op

    crop = Asked((4, 4))
    crop(IMAGE)
    assert crop(IMAGE).shape == (2, 2, 3)


@pytest.mark.parametrize("make", [T.Compose, T.RandomApply, T.OneOf, T.RandomOrder])
def test_what_has_been_emptied_leaves_images_as_they_are(make: Any) -> None:
    step = make([T.RandomInvert(1.0)], **({"p": 1.0} if make in (T.RandomApply, T.OneOf) else {}))
    step(IMAGE)
    step.transforms.clear()
    for image in (IMAGE, torch.from_numpy(IMAGE.copy())):
        assert np.array_equal(step(image), image)
        assert np.array_equal(step(image, 7)[0], image)


@pytest.mark.parametrize("same", SAME[1:], ids=["pickled", "copied", "copied deeply"])
@pytest.mark.parametrize(
    "make",
    [lambda: T.Resize((3, 5)), lambda: T.Compose([T.Resize((3, 5)), T.ToTensor()]), lambda: T.OneOf([T.Resize(3)])],
)
def test_a_transform_that_has_seen_an_array_is_copied_like_a_new_one(make: Any, same: Any) -> None:
    step = make()
    step(IMAGE)
    torch.manual_seed(0)
    made = same(step)(IMAGE)
    torch.manual_seed(0)
    assert np.array_equal(made, make()(IMAGE))
