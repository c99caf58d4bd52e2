"""How transforms represent themselves."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import torch

from fastload import transforms as T

NEEDED: dict[str, tuple[Any, ...]] = {
    "CenterCrop": (3,),
    "Lambda": (str,),
    "LetterBox": (64,),
    "LongestMaxSize": (64,),
    "Normalize": ([0.5], [0.5]),
    "OneOf": ([T.Identity()],),
    "Pad": (3,),
    "RandomAffine": (10,),
    "RandomApply": ([T.Identity()],),
    "RandomChoice": ([T.Identity()], [1.0]),
    "RandomCrop": (3,),
    "RandomOrder": ([T.Identity()],),
    "RandomPosterize": (4,),
    "RandomAdjustSharpness": (0.5,),
    "RandomResizedCrop": (3,),
    "RandomRotation": (10,),
    "RandomShortestSize": (64,),
    "RandomSolarize": (128,),
    "Resize": (3,),
    "ScaleJitter": ((3, 3),),
    "SomeOf": ([T.Identity()], 1),
    "ToDtype": (torch.float32,),
    "ToMemoryFormat": (torch.channels_last,),
    "ConvertImageDtype": (torch.float32,),
    "GaussianBlur": (3,),
    "JPEG": (50,),
}
OTHERS = ("Transform", "Compose", "Albumentations", "ImgAug")  # no transform by itself, or shown in another way
SHOWN = [
    name
    for name in T.__all__
    if isinstance(getattr(T, name), type) and issubclass(getattr(T, name), T.Transform) and name not in OTHERS
]


@pytest.mark.parametrize("name", SHOWN)
def test_the_representation_names_arguments_that_there_are(name: str) -> None:
    kind = getattr(T, name)
    shown = re.sub(r"\[.*?\]", "", repr(kind(*NEEDED.get(name, ()))))
    assert set(re.findall(r"(\w+)=", shown)) <= set(inspect.signature(kind).parameters)
