"""Trains a small detector on photographs with pasted objects, and says how well it finds them after each epoch.

    python examples/train_detection.py --epochs 10 --workers 2

The whole path: COCO's files, `CocoDetection`, transforms that move boxes with the image, `detection_collate`,
`DataLoader`. The measure is COCO's: mean average precision over overlaps of 0.5 to 0.95, by its own tools, on images
that the detector has not seen. It could not rise if boxes and pixels came apart: --boxes-stay leaves the boxes where
they were, to see that.
"""

import argparse
import contextlib
import io
import json
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from pasted_objects import CATEGORIES, HEIGHT, WIDTH, prepare_objects
from pycocotools.coco import COCO  # type: ignore[import-untyped]
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]
from torch import Tensor, nn

import fastload
from fastload import transforms as T
from fastload.collate import DetectionCollate
from fastload.datasets import CocoDetection

SEED = 1
STRIDE = 8  # pixels of the image for each place of the detector
MOST_FOUND = 50  # in an image
SAME_OBJECT = 0.5  # two finds that overlap more are one
DATA = ("train", "train.json", "val", "val.json")  # folders of images, and COCO's files of what is in them
SCORE_BEFORE_TRAINING = 0.01  # of each place: most are empty, and the first steps should not be spent on that

FINISH = [T.ToImage(), T.ToDtype(torch.float32, scale=True), T.Normalize([0.5] * 3, [0.25] * 3)]


def training_transforms(pixels: tuple[int, int]) -> T.Compose:
    """Mirrored, turned, shifted, enlarged, recoloured; (height, width) ``pixels``."""
    moves = [
        T.RandomHorizontalFlip(),
        T.RandomAffine(15, (0.1, 0.1), (0.8, 1.25), interpolation=T.InterpolationMode.BILINEAR),
        T.ColorJitter(0.3, 0.3, 0.3, 0.05),
        T.Resize(pixels),
    ]
    return T.Compose([*moves, *FINISH], boxes=T.BoxParams("xyxy", min_visibility=0.3))


class BoxesStay:
    """The image is transformed, and the boxes are only brought to its new size: what must not be."""

    def __init__(self, pixels: tuple[int, int]) -> None:
        self.image, self.boxes = training_transforms(pixels), T.Compose([T.Resize(pixels), *FINISH], boxes="xyxy")

    def __call__(self, image: Any, target: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        return self.image(image), self.boxes(image, target)[1]


class Detector(nn.Module):
    """A score for each category, and the four distances to the sides of the box, at each place of a grid."""

    def __init__(self) -> None:
        super().__init__()
        channels = [3, 16, 32, 64]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [block(before, after, stride=2), block(after, after)]
        self.body = nn.Sequential(*layers, block(64, 64, dilation=2), block(64, 64, dilation=4))
        self.scores = nn.Conv2d(64, len(CATEGORIES), 1)
        self.sides = nn.Conv2d(64, 4, 1)
        nn.init.constant_(self.scores.bias, float(np.log(SCORE_BEFORE_TRAINING)))  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, categories, H, W) logits and (N, 4, H, W) distances in pixels: left, top, right, bottom."""
        found = self.body(images)
        return self.scores(found), nn.functional.softplus(self.sides(found)) * STRIDE


def block(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(before, after, 3, stride, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU())


def places(height: int, width: int) -> Tensor:
    """(height * width, 2): the x and y of each place of the grid, in pixels."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * STRIDE


def loss_of(scores: Tensor, sides: Tensor, targets: dict[str, Tensor]) -> Tensor:
    """Focal loss of the scores, and generalised overlap of the boxes where there is an object."""
    height, width = scores.shape[2:]
    wanted, boxes, is_object = wanted_of(targets, height, width)
    scores, sides = scores.flatten(2).transpose(1, 2), sides.flatten(2).transpose(1, 2)
    plain = nn.functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
    certain = torch.exp(-plain)
    focal = (torch.where(wanted > 0, 0.5, 0.25) * (1 - certain) ** 2 * plain).sum()
    count = is_object.sum().clamp(min=1)
    found = boxes_of(sides, places(height, width))
    return (focal + (1 - overlap(found[is_object], boxes[is_object])).sum()) / count


def wanted_of(targets: dict[str, Tensor], height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each place: which category it should see, the box of the smallest object around it, and if there is one.

    An object is seen by the places in the middle half of its box, or by the nearest one.
    """
    points = places(height, width)
    boxes, labels, mask = targets["boxes"], targets["labels"], targets["object_mask"]
    middles, extents = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    reach = (extents / 4).clamp(min=STRIDE / 2)
    inside = ((points[None, :, None] - middles[:, None]).abs() <= reach[:, None]).all(-1) & mask[:, None]
    areas = torch.where(inside, extents.prod(-1)[:, None], torch.inf)
    smallest = areas.argmin(-1) if areas.shape[-1] else torch.zeros(areas.shape[:2], dtype=torch.int64)
    is_object = inside.any(-1)
    wanted = torch.zeros(*is_object.shape, len(CATEGORIES))
    image, place = is_object.nonzero(as_tuple=True)
    chosen = smallest[image, place]
    wanted[image, place, labels[image, chosen] - 1] = 1
    around = torch.zeros(*is_object.shape, 4)
    around[image, place] = boxes[image, chosen]
    return wanted, around, is_object


def boxes_of(sides: Tensor, points: Tensor) -> Tensor:
    return torch.cat([points - sides[..., :2], points + sides[..., 2:]], dim=-1)


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Generalised intersection over union of (..., 4) boxes, pair by pair (Rezatofighi et al., 2019)."""
    inner = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    outer = torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])
    common, hull = inner.prod(-1), outer.prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - common
    return common / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def distinct(boxes: Tensor, scores: Tensor) -> list[int]:
    """Which boxes are left, from the best score on, when those that overlap a better one much have gone."""
    is_same = (overlap(boxes[:, None], boxes[None]) > SAME_OBJECT).numpy()
    kept: list[int] = []
    for number in scores.argsort(descending=True).tolist():
        if not is_same[number, kept].any():
            kept.append(number)
    return kept


@torch.no_grad()
def found_in(detector: Detector, images: Tensor, ids: Tensor) -> list[dict[str, Any]]:
    """What the detector finds, in pixels of the files, as COCO's tools take it."""
    scores, sides = detector(images)
    height, width = scores.shape[2:]
    boxes = boxes_of(sides.flatten(2).transpose(1, 2), places(height, width))
    scale = torch.tensor([WIDTH / images.shape[3], HEIGHT / images.shape[2]]).repeat(2)
    results = []
    for number, image_id in enumerate(ids.tolist()):
        for category, levels in enumerate(scores[number].flatten(1).sigmoid()):
            best = levels.topk(min(MOST_FOUND, len(levels)))
            likely = best.indices[best.values > 0.05]
            for kept in distinct(boxes[number, likely], levels[likely]):
                left, top, right, bottom = (boxes[number, likely[kept]] * scale).tolist()
                box, score = [left, top, right - left, bottom - top], levels[likely[kept]].item()
                results.append({"image_id": image_id, "category_id": category + 1, "bbox": box, "score": score})
    return results


def precision(detector: Detector, loader: Any, annotations: Path) -> tuple[float, float]:
    """COCO's mean average precision over overlaps of 0.5 to 0.95, and that at 0.5."""
    detector.eval()
    results = [one for images, targets in loader for one in found_in(detector, images, targets["image_id"])]
    detector.train()
    if not results:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        measured = COCOeval(truth, truth.loadRes(results), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return float(measured.stats[0]), float(measured.stats[1])


def make_loader(args: argparse.Namespace, split: str) -> fastload.DataLoader[Any]:
    pixels = (args.pixels * HEIGHT // WIDTH, args.pixels)
    if split == "val":
        chain: Any = T.Compose([T.Resize(pixels), *FINISH], boxes="xyxy")
    else:
        chain = BoxesStay(pixels) if args.boxes_stay else training_transforms(pixels)
    data = CocoDetection(args.data / split, args.data / f"{split}.json", transforms=chain, tensors=True)
    return fastload.DataLoader(
        data,
        args.batch_size,
        shuffle=split == "train",
        num_workers=args.workers,
        persistent_workers=args.workers > 0,
        collate_fn=DetectionCollate("padded"),
    )


def train(args: argparse.Namespace) -> list[float]:
    """The mean average precision after each epoch."""
    torch.manual_seed(SEED)
    detector = Detector()
    optimizer = torch.optim.AdamW(detector.parameters(), lr=2e-3)
    loader, validation = make_loader(args, "train"), make_loader(args, "val")
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=args.epochs * len(loader))
    found = []
    print(f"{'epoch':>5} {'loss':>8} {'AP':>7} {'AP at 0.5':>10} {'images/s':>9} {'waiting':>8}")
    for epoch in range(1, args.epochs + 1):
        began, losses = perf_counter(), []
        for images, targets in loader:
            scores, sides = detector(images)
            loss = loss_of(scores, sides, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        seconds, waited = perf_counter() - began, loader.stats().wait_s
        whole, half = precision(detector, validation, args.data / "val.json")
        speed = len(json.loads((args.data / "train.json").read_text())["images"]) / seconds
        print(f"{epoch:>5} {np.mean(losses):>8.3f} {whole:>7.3f} {half:>10.3f} {speed:>9.0f} {waited / seconds:>8.1%}")
        found.append(whole)
    return found


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--pixels", type=int, default=128, help="width that the detector sees; the height is 3/4 of it")
    parser.add_argument("--threads", type=int, default=1, help="threads of the detector")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "data" / "objects")
    parser.add_argument("--images", type=int, default=600, help="files to learn from, when they are made")
    parser.add_argument("--boxes-stay", action="store_true", help="do not move the boxes with the images")
    args = parser.parse_args()
    if args.pixels < 1 or args.pixels % (4 * STRIDE):
        parser.error(f"--pixels must be a multiple of {4 * STRIDE}, and more than 0, got {args.pixels}")
    for name in ("epochs", "batch_size", "threads", "images"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be 1 or more, got {getattr(args, name)}")
    if args.workers < 0:
        parser.error(f"--workers must be 0 or more, got {args.workers}")
    missing = [name for name in DATA if not (args.data / name).exists()]
    if args.data.exists() and missing:
        advice = "name a folder that is not there yet, and it is made, or one that has images and annotations of both"
        parser.error(f"--data {args.data} has no {missing[0]}: {advice}")
    return args


def main() -> None:
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    prepare_objects(args.data, args.images, max(args.images // 5, 1))
    found = train(args)
    print(f"mean average precision: {found[0]:.3f} after the first epoch, {found[-1]:.3f} after the last")


if __name__ == "__main__":
    main()
