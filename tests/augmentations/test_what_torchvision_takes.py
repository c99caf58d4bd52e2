"""What torchvision's own steps cannot take is refused in words that say what can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision_without_kernels import v2

from fastload import transforms as T

IMAGE = torch.zeros(3, 40, 60, dtype=torch.uint8)
TARGETS: dict[str, Any] = {
    "boxes": torch.tensor([[10.0, 10, 30, 30]]),
    "masks": torch.ones(1, 40, 60, dtype=torch.uint8),
    "keypoints": torch.tensor([[5.0, 6.0]]),
}
POLICIES = ["AutoAugment", "RandAugment", "TrivialAugmentWide", "AugMix"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", POLICIES)
def test_policies_are_refused_where_there_are_targets(name: str, target: str) -> None:
    policy = getattr(v2, name)()
    for step in (policy, v2.Compose([policy]), v2.RandomApply([policy], 0.1), torch.nn.Sequential(policy)):
        with pytest.raises(TypeError, match=f"torchvision's {name} takes images alone.* give fastload's"):
            T.Compose([step])(IMAGE, {target: TARGETS[target]})
        assert T.Compose([step])(IMAGE).shape == IMAGE.shape
    image, moved = T.Compose([getattr(T, name)()])(IMAGE, {target: TARGETS[target]})
    assert image.shape == IMAGE.shape
    assert moved.keys() == {target}


def torch_mirrors(array: Any) -> bool:
    """Whether this torch mirrors such numbers: unsigned ones of 16 bits and more from version 2.14 on."""
    try:
        torch.from_numpy(array).flip(-1)
    except NotImplementedError:
        return False
    return True


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64])
def test_numbers_that_torch_does_not_mirror_are_refused(dtype: Any) -> None:
    mask = np.ones((40, 60), dtype=dtype)
    mask[:, :9] = 3
    chain = T.Compose([v2.RandomHorizontalFlip(1.0)])
    if torch_mirrors(mask):
        assert np.array_equal(chain(IMAGE, {"mask": mask})[1]["mask"], mask[:, ::-1])
        assert np.array_equal(chain(mask), mask[:, ::-1])
    else:
        with pytest.raises(TypeError, match=rf"masks of torch.{np.dtype(dtype).name} .*convert them to .*torch.int32"):
            chain(IMAGE, {"mask": mask})
        with pytest.raises(TypeError, match=rf"images of torch.{np.dtype(dtype).name}"):
            chain(mask)
    assert np.array_equal(chain(IMAGE, {"mask": mask.astype(np.int32)})[1]["mask"], mask[:, ::-1])
    assert np.array_equal(T.RandomHorizontalFlip(1.0)(IMAGE, {"mask": mask})[1]["mask"], mask[:, ::-1])
    assert np.array_equal(T.Compose([v2.Pad(0)])(IMAGE, {"mask": mask})[1]["mask"], mask)


def test_numbers_that_torch_does_not_compare_are_refused() -> None:
    chain = T.Compose([v2.RandomSolarize(10, 1.0)])
    with pytest.raises(TypeError, match=r"images of torch.uint16 .*convert them to .*torch.int32"):
        chain(np.ones((40, 60), dtype=np.uint16))


def test_other_errors_are_the_steps_own() -> None:
    class Unfinished(v2.Transform):
        def transform(self, inpt: Any, params: Any) -> Any:
            raise NotImplementedError("not yet")

    with pytest.raises(NotImplementedError, match="not yet"):
        T.Compose([Unfinished()])(IMAGE, {"boxes": TARGETS["boxes"]})
