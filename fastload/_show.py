"""``fastload show``: a picture of a data set's samples, augmented."""

from __future__ import annotations

import argparse
import copy
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastload._named import named_dataset, named_transform

DESCRIPTION = "draw samples of a data set, augmented, with their boxes, masks, key points and labels, into a PNG file"
DATASETS = (
    "DATASET is a folder of class folders, of VOC's (VOCdevkit) or of YOLO's (images, labels), a data.yaml file of "
    "YOLO's, a JSON file of COCO's annotations (images in --root), or MODULE:NAME, a data set "
    "or a function that makes one."
)
EPILOG = f"{DATASETS} Samples of the last are drawn as they are, or with --transforms."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("--root", metavar="FOLDER", help="where a COCO file's images are (default: beside it)")
    parser.add_argument("--split", default="train", help="the part of VOC's or YOLO's data (default: train)")
    parser.add_argument(
        "--transforms",
        metavar="MODULE:NAME",
        help="what augments: a transform, a function of image and target, or one of nothing that makes either; 'none' "
        "for nothing (default: a mirror, a turn, a shift, colours)",
    )
    parser.add_argument(
        "--boxes",
        metavar="FORMAT",
        help="how boxes of MODULE:NAME are written: xyxy, coco, yolo, cxcywhr, ... (default: as its transforms say)",
    )
    parser.add_argument("-n", "--count", type=int, default=16, help="how many samples (default: 16)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of samples and of their transforms")
    parser.add_argument("-o", "--output", default="fastload-show.png", help="the file (default: fastload-show.png)")


def show(options: argparse.Namespace) -> str:
    """What there is to say after the file is written. ValueError and OSError say what is wrong with the options."""
    if options.count < 1:
        raise ValueError(f"--count must be 1 or more, got {options.count}")
    if not -(1 << 63) <= options.seed < 1 << 64:
        raise ValueError(f"--seed must be a number of 64 bits, got {options.seed}")
    output = _picture_file(options.output)
    import torch

    from fastload import datasets
    from fastload.plot import show as draw

    dataset, names = _dataset(options)
    length = len(dataset)
    torch.manual_seed(options.seed)
    chosen = torch.randperm(length)[: options.count].tolist()
    if isinstance(dataset, datasets.YOLODetection):  # the masks of boxes alone would show nothing
        dataset.masks = dataset.has_polygons(chosen)
    boxes = options.boxes or _box_params(dataset)
    samples = [_sample(dataset, index) for index in chosen]
    try:
        draw(samples, output, boxes=boxes, names=names, limit=options.count)
    except (TypeError, ValueError) as error:
        position = getattr(error, "position", None)  # in the list, which says nothing to whoever reads it
        if position is None:
            raise
        raise ValueError(f"sample {chosen[position]}: {error.__cause__}") from error
    return f"{output}: {len(chosen)} of {length} samples"


def _picture_file(output: str) -> str:
    """The file that matplotlib writes for that name: without a suffix, it adds one."""
    if not os.path.basename(output) or os.path.isdir(output):
        raise ValueError(f"--output must be the name of a file, got {output!r}")
    return output if os.path.splitext(output)[1] not in ("", ".") else output.rstrip(".") + ".png"


def _sample(dataset: Any, index: int) -> Any:
    try:
        return dataset[index]
    except Exception as error:  # whatever a data set of someone's raises
        raise ValueError(f"sample {index}: {type(error).__name__}: {error}") from error


def _dataset(options: argparse.Namespace) -> tuple[Any, Any]:
    """The data set, with the transforms, and the names of its labels."""
    from fastload import datasets

    if options.boxes and ":" not in options.dataset:
        raise ValueError("--boxes is for MODULE:NAME: boxes that are read from files are xyxy")
    place, transforms = options.dataset, _transforms(options.transforms, options.boxes)
    path = Path(place)
    if path.suffix.lower() == ".json":
        coco = datasets.CocoDetection(
            options.root or path.parent, path, transforms=transforms, tensors=True, keypoints=True
        )
        coco.keypoints = coco.has_keypoints()
        coco.masks = coco.has_masks()
        return coco, {number: entry.get("name", number) for number, entry in coco.categories.items()}
    if path.suffix.lower() in (".yaml", ".yml") and path.is_file():
        yolo = datasets.YOLODetection(path, options.split, transforms)
        return yolo, yolo.classes or None
    if (path / "images").is_dir() or (path / options.split / "images").is_dir():
        return datasets.YOLODetection(path, options.split, transforms), None
    if (path / "VOCdevkit").is_dir():
        return _voc(path, options.split, transforms)
    if path.is_dir():
        return _class_folders(path, transforms)
    if ":" in place:
        dataset = named_dataset(place, "DATASET")
        return (_Transformed(dataset, transforms) if options.transforms else dataset), None
    if path.exists():
        raise ValueError(f"{os.path.abspath(place)!r} is no data set. {DATASETS}")
    raise FileNotFoundError(f"there is no file or folder {os.path.abspath(place)!r}, and no colon as in MODULE:NAME")


def _class_folders(path: Path, transforms: Any) -> tuple[Any, Any]:
    from fastload import datasets

    try:
        folder = datasets.ImageFolder(path, transforms)
    except FileNotFoundError as error:  # it may as well be no data set at all
        raise FileNotFoundError(f"{str(error).rstrip('.')}. {DATASETS}") from error
    return folder, folder.classes


def _voc(path: Path, split: str, transforms: Any) -> tuple[Any, Any]:
    from fastload import datasets

    years = sorted(folder.name.removeprefix("VOC") for folder in (path / "VOCdevkit").glob("VOC20*"))
    if not years:
        raise FileNotFoundError(f"there is no VOC<year> in {path / 'VOCdevkit'}")
    voc = datasets.VOCDetection(path, years[-1], split, transforms=transforms, tensors=True)
    return voc, dict(enumerate(voc.classes, start=1))


class _Transformed:
    """A data set of someone else's, with transforms."""

    def __init__(self, dataset: Any, transforms: Any) -> None:
        self.dataset, self.transforms = dataset, transforms

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        sample = self.dataset[index]
        return self.transforms(*sample) if isinstance(sample, tuple) else self.transforms(sample)


def _transforms(name: str | None, boxes: str | None) -> Any:
    """What augments; boxes: how its boxes are written, whatever it says itself."""
    from fastload import transforms as T
    from fastload.transforms._base import said_of_boxes

    chain = _default() if name is None else T.Identity() if name == "none" else named_transform(name, "--transforms")
    if boxes and isinstance(chain, T.Transform):
        params = replace(said_of_boxes(chain) or T.BoxParams(), format=boxes)
        chain = copy.copy(chain)
        chain.box_params = params
        return T.Compose([chain], boxes=params)
    return T.Compose([chain]) if name == "none" else chain


def _default() -> Any:
    from fastload import transforms as T

    return T.Compose(
        [
            T.RandomHorizontalFlip(),
            T.RandomAffine(10, (0.1, 0.1), (0.8, 1.2)),
            T.ColorJitter(0.3, 0.3, 0.3, 0.05),
        ]
    )


def _box_params(dataset: Any) -> Any:
    """Those of what transforms the samples, or of what makes them; None: nobody says."""
    from fastload.transforms import BoxParams, Transform
    from fastload.transforms._base import said_of_boxes

    makers = [getattr(dataset, "transforms", None), getattr(dataset, "transform", None), dataset]
    found = (
        said_of_boxes(maker) if isinstance(maker, Transform) else getattr(maker, "box_params", None) for maker in makers
    )
    return next((params for params in found if isinstance(params, BoxParams)), None)
