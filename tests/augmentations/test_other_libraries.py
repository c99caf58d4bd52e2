"""imgaug, Albumentations and torchvision in a chain: targets go with the image, and the sample's stream seeds them.

What moved is found again by its colour, and compared with what the libraries say by themselves.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import albumentations as A
import imgaug.augmenters as iaa
import numpy as np
import pytest
import torch
from PIL import Image
from support.painted import extent
from torchvision_without_kernels import tv_tensors, v2

from fastload import DataLoader
from fastload import transforms as T

HEIGHT, WIDTH = 120, 160
BOXES = [(10, 12, 40, 50), (60, 20, 100, 44), (20, 70, 52, 110), (110, 60, 150, 104)]
COLOURS = [(230, 30, 30), (30, 220, 40), (40, 40, 240), (220, 210, 20)]
QUIET = {"p": 1.0, "border_mode": 0, "fill": 90}


def painted() -> np.ndarray[Any, Any]:
    image = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    for (left, top, right, bottom), colour in zip(BOXES, COLOURS, strict=True):
        image[top:bottom, left:right] = colour
    return image


IMAGE = painted()


def sample() -> tuple[Any, dict[str, Any]]:
    masks = np.stack([(colour == IMAGE).all(axis=-1) for colour in COLOURS])
    middles = [[[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 2]] for box in BOXES]
    return IMAGE, {
        "boxes": torch.tensor(BOXES, dtype=torch.float32),
        "labels": torch.arange(4),
        "names": ["red", "green", "blue", "yellow"],
        "masks": torch.from_numpy(masks),
        "keypoints": torch.tensor(middles, dtype=torch.float32),
        "image_id": 7,
    }


def imgaug(augmenter: Any) -> Callable[[], Any]:
    return lambda: T.ImgAug(augmenter)


CHAINS: dict[str, Callable[[], Any]] = {
    "imgaug flip": lambda: T.ImgAug(iaa.Fliplr(0.5)),
    "imgaug affine": lambda: T.ImgAug(iaa.Affine(rotate=(-30, 30), scale=(0.8, 1.3), order=0, cval=90)),
    "imgaug crop": lambda: T.ImgAug(iaa.Sequential([iaa.Crop(percent=(0, 0.3), keep_size=False), iaa.Flipud(0.5)])),
    "albumentations flip": lambda: T.Albumentations(A.HorizontalFlip(p=0.5)),
    "albumentations affine": lambda: T.Albumentations(
        A.Compose([A.Affine(rotate=(-30, 30), scale=(0.8, 1.3), interpolation=0, **QUIET)])
    ),
    "albumentations crop": lambda: T.Albumentations(A.Compose([A.RandomCrop(90, 100), A.Transpose(p=0.5)])),
    "torchvision flip": lambda: T.Compose([v2.RandomHorizontalFlip(0.5), T.RandomVerticalFlip(0.5)]),
    "torchvision crop": lambda: T.Compose([T.Pad(4, fill=90), v2.RandomCrop((90, 110)), T.RandomHorizontalFlip()]),
}


def as_kind(name: str, kind: str, image: Any) -> Any:
    if kind == "pil":
        return Image.fromarray(image)
    if kind == "tensor" or "torchvision" in name:
        return torch.from_numpy(image).permute(2, 0, 1).contiguous()
    return image


def as_array(image: Any) -> Any:
    return image.permute(1, 2, 0).numpy() if isinstance(image, torch.Tensor) else np.asarray(image)


@pytest.mark.parametrize("kind", ["pil", "array", "tensor"])
@pytest.mark.parametrize("name", CHAINS)
def test_targets_go_with_the_image(name: str, kind: str) -> None:
    chain = CHAINS[name]()
    labels_seen = set()
    for seed in range(10):
        torch.manual_seed(seed)
        image, target = sample()
        came = as_kind(name, kind, image)
        result, moved = chain(came, target)
        assert type(result) is type(came)
        pixels = as_array(result)
        labels = moved["labels"].tolist()
        labels_seen.add((tuple(labels), pixels.tobytes()))
        assert moved["names"] == [["red", "green", "blue", "yellow"][label] for label in labels]
        assert moved["image_id"] == 7
        assert moved["masks"].shape == (len(labels), *pixels.shape[:2])
        assert moved["masks"].dtype == torch.bool
        for number, (label, box) in enumerate(zip(labels, moved["boxes"].tolist(), strict=True)):
            place = extent(pixels, COLOURS[label])
            if place is None:
                assert min(box[2] - box[0], box[3] - box[1]) < 2
                continue
            beyond = np.subtract(place, box) * [-1, -1, 1, 1]
            assert beyond.max() <= 1.01, (label, place, box)
            if box[0] > 0 and box[1] > 0 and box[2] < pixels.shape[1] and box[3] < pixels.shape[0]:
                assert beyond.min() >= -2.6, (label, place, box)
            shown = (pixels == COLOURS[label]).all(axis=-1)
            assert (shown != moved["masks"][number].numpy()).mean() < 0.02
            x, y, seen = moved["keypoints"][number, 0].tolist()
            if seen and 2 < x < pixels.shape[1] - 2 and 2 < y < pixels.shape[0] - 2:
                assert shown[int(y), int(x)]
        assert set(range(4)) - set(labels) <= {label for label in range(4) if extent(pixels, COLOURS[label]) is None}
    assert len(labels_seen) > 1


class Painted(torch.utils.data.Dataset[Any]):
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        image, target = sample()
        image, target = self.transform(Image.fromarray(image), target)
        return T.functional.pil_to_tensor(image).sum(), target["boxes"].sum()


@pytest.mark.parametrize("name", CHAINS)
def test_results_do_not_depend_on_the_workers(name: str) -> None:
    epochs = []
    for options in ({}, {"num_workers": 2}, {"num_workers": 2, "worker_type": "thread"}, {"batch_size": 5}):
        torch.manual_seed(3)
        loader = DataLoader(Painted(CHAINS[name]()), **{"batch_size": 4, **options})
        epochs.append([torch.cat([batch[part].flatten() for batch in loader]) for part in (0, 1)])
    for pixels, boxes in epochs[1:]:
        assert torch.equal(pixels, epochs[0][0])
        assert torch.equal(boxes, epochs[0][1])


@pytest.mark.parametrize("name", CHAINS)
def test_copies_and_pickles_do_the_same(name: str) -> None:
    chain = CHAINS[name]()
    results = []
    for made in (chain, copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))):
        torch.manual_seed(5)
        results.append(made(as_kind(name, "array", IMAGE), sample()[1]))
    for image, target in results[1:]:
        assert np.array_equal(as_array(image), as_array(results[0][0]))
        assert torch.equal(target["boxes"], results[0][1]["boxes"])


@pytest.mark.parametrize("name", CHAINS)
def test_empty_targets_and_none_are_welcome(name: str) -> None:
    image = as_kind(name, "array", IMAGE)
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0), "masks": torch.zeros(0, HEIGHT, WIDTH)}
    result, moved = CHAINS[name]()(image, empty)
    assert moved["boxes"].shape == (0, 4)
    assert moved["masks"].shape == (0, *as_array(result).shape[:2])
    assert type(CHAINS[name]()(image)) is type(image)


@pytest.mark.parametrize("name", CHAINS)
def test_torchs_generator_gives_one_key_a_call(name: str) -> None:
    torch.manual_seed(1)
    CHAINS[name]()(as_kind(name, "array", IMAGE))
    after = torch.get_rng_state()
    torch.manual_seed(1)
    torch.randint(-(1 << 63), (1 << 63) - 1, ())
    assert torch.equal(after, torch.get_rng_state())


@pytest.mark.parametrize(
    ("flip", "transform"),
    [
        ("imgaug", lambda: T.ImgAug(iaa.Fliplr(1.0))),
        ("albumentations", lambda: T.Albumentations(A.HorizontalFlip(p=1.0))),
        ("torchvision", lambda: v2.RandomHorizontalFlip(1.0)),
    ],
)
def test_mirrors_swap_key_points_and_turned_boxes(flip: str, transform: Callable[[], Any]) -> None:
    tensor = torch.from_numpy(IMAGE).permute(2, 0, 1).contiguous()
    target = {"boxes": torch.tensor([[50.0, 40, 30, 10, 20]]), "keypoints": torch.tensor([[[10.0, 20], [30, 40]]])}
    params = T.BoxParams("cxcywhr", keypoint_swaps=((0, 1),))
    _, expected = T.Compose([T.RandomHorizontalFlip(1.0)], boxes=params)(tensor, target)
    _, moved = T.Compose([transform()], boxes=params)(tensor, target)
    assert moved["boxes"].numpy() == pytest.approx(expected["boxes"].numpy(), abs=1e-3)
    to_centres = [0 if flip == "imgaug" else -1, 0]  # others mirror points about the centres of pixels
    assert moved["keypoints"].numpy() == pytest.approx(expected["keypoints"].numpy() + to_centres, abs=1e-3)


def test_the_filters_and_the_format_of_albumentations_count() -> None:
    inside = A.Compose([A.Crop(0, 0, 80, 60)], bbox_params=A.BboxParams("coco", label_fields=["x"], min_visibility=0.9))
    sizes = [[left, top, right - left, bottom - top] for left, top, right, bottom in BOXES]
    _, moved = T.Albumentations(inside)(IMAGE, {"boxes": np.array(sizes, dtype=np.float32), "labels": [0, 1, 2, 3]})
    assert moved["labels"] == [0]
    assert moved["boxes"].tolist() == [[10, 12, 30, 38]]


def test_torchvisions_sanitizing_drops_what_belongs_to_the_objects() -> None:
    image = torch.from_numpy(IMAGE).permute(2, 0, 1).contiguous()
    chain = T.Compose([v2.CenterCrop((60, 80)), v2.SanitizeBoundingBoxes(min_size=11)])
    _, moved = chain(image, sample()[1])
    assert moved["names"] == ["green", "blue"]
    assert moved["masks"].shape == (2, 60, 80)


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 3), (HEIGHT, WIDTH, 4)])
def test_what_torchvision_makes_is_of_the_kind_that_came(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    mirror = v2.RandomHorizontalFlip(1.0)
    for steps in ([mirror], [v2.Compose([mirror])], [T.Identity(), mirror, v2.RandomHorizontalFlip(0.0)]):
        made = T.Compose(steps)(array)
        assert type(made) is np.ndarray
        assert made.dtype == np.uint8
        assert np.array_equal(made, array[:, ::-1])
        tensor = torch.from_numpy(array) if len(shape) == 2 else torch.from_numpy(array).permute(2, 0, 1)
        assert torch.equal(T.Compose(steps)(tensor), tensor.flip(-1))


def test_what_torchvision_makes_of_levels_and_channels_stays_an_array() -> None:
    floats = T.Compose([v2.ToDtype(torch.float32, scale=True)])(IMAGE)
    assert floats.dtype == np.float32
    assert np.allclose(floats * 255, IMAGE)
    assert T.Compose([v2.Grayscale()])(IMAGE).shape == (HEIGHT, WIDTH, 1)
    assert np.array_equal(T.Compose([v2.RGB()])(IMAGE[:, :, 0]), np.stack([IMAGE[:, :, 0]] * 3, axis=-1))


@pytest.mark.parametrize(
    "steps",
    [
        [v2.ToImage(), v2.RandomHorizontalFlip(1.0)],
        [v2.Compose([v2.RandomHorizontalFlip(1.0), v2.ToImage()])],
        [torch.nn.Sequential(v2.RandomHorizontalFlip(1.0), v2.ToPureTensor())],
        [v2.RandomHorizontalFlip(1.0), v2.PILToTensor()],
    ],
)
def test_arrays_become_tensors_where_torchvision_is_told_so(steps: Any) -> None:
    image, moved = T.Compose(steps)(*sample())
    assert type(image) is torch.Tensor
    assert np.array_equal(as_array(image), IMAGE[:, ::-1])
    assert moved["labels"].tolist() == [0, 1, 2, 3]


def test_arrays_become_pil_images_where_torchvision_is_told_so() -> None:
    image = T.Compose([v2.ToPILImage(), v2.RandomHorizontalFlip(1.0)])(IMAGE)
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), IMAGE[:, ::-1])
    assert np.array_equal(as_array(T.Compose([v2.ToImage()])(IMAGE[:, :, 0])), IMAGE[:, :, :1])


FORMATS: dict[str, Callable[[Any], Any]] = {
    "XYXY": lambda box: box,
    "XYWH": lambda box: [box[0], box[1], box[2] - box[0], box[3] - box[1]],
    "CXCYWH": lambda box: [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]],
}


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("own", FORMATS)
def test_boxes_stay_in_the_samples_format_whatever_torchvision_converts(own: str, to: str) -> None:
    image, target = sample()
    boxes = torch.tensor([FORMATS[own](box) for box in BOXES], dtype=torch.float32)
    mirrored = torch.tensor([FORMATS[own]((WIDTH - x2, y1, WIDTH - x1, y2)) for x1, y1, x2, y2 in BOXES]).float()
    converted = v2.ConvertBoundingBoxFormat(to)
    steps = [converted, v2.Compose([v2.RandomHorizontalFlip(1.0), converted, v2.ToPureTensor()])]
    _, moved = T.Compose(steps, boxes=own.lower())(image, {**target, "boxes": boxes})
    assert torch.allclose(moved["boxes"], mirrored)
    assert moved["labels"].tolist() == [0, 1, 2, 3]
    assert moved["masks"].shape == (4, HEIGHT, WIDTH)
    own_boxes = tv_tensors.BoundingBoxes(boxes, format=own, canvas_size=(HEIGHT, WIDTH))
    _, moved = T.Compose(steps)(image, {**target, "boxes": own_boxes})
    assert moved["boxes"].format.value == own
    assert torch.allclose(moved["boxes"], mirrored)


def test_tv_tensors_come_out_as_such() -> None:
    image = tv_tensors.Image(torch.from_numpy(IMAGE).permute(2, 0, 1).contiguous())
    boxes = tv_tensors.BoundingBoxes(BOXES, format="XYXY", canvas_size=(HEIGHT, WIDTH), dtype=torch.float32)
    points = tv_tensors.KeyPoints([[20.0, 30.0]], canvas_size=(HEIGHT, WIDTH))
    mask = tv_tensors.Mask(torch.ones(1, HEIGHT, WIDTH, dtype=torch.uint8))
    ours = T.Compose([T.RandomHorizontalFlip(1.0), T.Resize((60, 80)), T.ColorJitter(0.2)])(image, boxes, points, mask)
    theirs = v2.Compose([v2.RandomHorizontalFlip(1.0), v2.Resize((60, 80))])(image, boxes, points, mask)
    assert [type(part) for part in ours] == [type(part) for part in theirs]
    assert torch.allclose(ours[1], theirs[1])
    assert ours[1].canvas_size == theirs[1].canvas_size == (60, 80)
    assert ours[1].format == boxes.format
    # torchvision mirrors points about the centres of pixels, and boxes about their borders; here both are the latter.
    assert torch.allclose(ours[2], theirs[2] + torch.tensor([0.5, 0.0]))
    assert torch.equal(ours[3], theirs[3])


@pytest.mark.parametrize("box_format", ["XYXY", "XYWH", "CXCYWH", "XYWHR", "CXCYWHR", "XYXYXYXY"])
def test_all_formats_of_tv_tensors(box_format: str) -> None:
    image = torch.from_numpy(IMAGE).permute(2, 0, 1).contiguous()
    plain = tv_tensors.BoundingBoxes([[50.0, 40, 30, 20, 25]], format="CXCYWHR", canvas_size=(HEIGHT, WIDTH))
    if len(box_format) in (4, 6) and not box_format.endswith("R"):
        plain = tv_tensors.BoundingBoxes([[50.0, 40, 80, 60]], format="XYXY", canvas_size=(HEIGHT, WIDTH))
    boxes = v2.functional.convert_bounding_box_format(plain, new_format=box_format)
    for ours, theirs in (
        (T.RandomVerticalFlip(1.0), v2.RandomVerticalFlip(1.0)),
        (T.Resize((240, 320)), v2.Resize((240, 320))),
    ):
        moved, expected = ours(image, boxes)[1], theirs(image, boxes)[1]
        assert moved.format == expected.format
        back = [
            v2.functional.convert_bounding_box_format(b, new_format="XYXYXYXY" if b.shape[1] > 4 else "XYXY")
            for b in (moved, expected)
        ]
        one, other = (b.as_subclass(torch.Tensor).reshape(-1, 2) for b in back)
        one, other = (sorted(corners.tolist()) for corners in (one, other))
        assert np.allclose(one, other, atol=1e-3), (moved, expected)


def test_what_is_not_theirs_is_refused() -> None:
    with pytest.raises(TypeError, match="must be one of imgaug's"):
        T.ImgAug(lambda image: image)
    with pytest.raises(TypeError, match="must be one of Albumentations"):
        T.Albumentations(iaa.Fliplr(0.5))


def test_the_format_of_a_library_is_its_own_beside_that_of_the_chain() -> None:
    theirs = T.Albumentations(A.Compose([A.HorizontalFlip(p=1)], bbox_params=A.BboxParams("coco", label_fields=[])))
    target = {"boxes": torch.tensor([[10.0, 5, 20, 15]])}
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    for chain, box in (
        (theirs, [30, 5, 20, 15]),
        (T.Compose([theirs], boxes="coco"), [30, 5, 20, 15]),
        (T.Compose([theirs], boxes="xyxy"), [40, 5, 50, 15]),
    ):
        assert chain(image, target)[1]["boxes"][0].tolist() == pytest.approx(box, abs=1e-4)


@pytest.mark.parametrize("holder", [lambda step: T.Compose([step]), lambda step: T.OneOf([step], p=1.0)])
def test_boxes_that_a_library_reads_otherwise_than_its_chain_are_refused(holder: Callable[[Any], Any]) -> None:
    image, boxes = np.zeros((40, 60, 3), dtype=np.uint8), [[10.0, 5, 20, 15]]
    theirs = A.Compose([A.HorizontalFlip(p=0.5)], bbox_params=A.BboxParams("coco", label_fields=[]))
    for step in (theirs, T.Albumentations(theirs)):
        with pytest.raises(ValueError, match=r"has bbox_params of 'coco'.* reads boxes as 'xyxy'.* give boxes='coco'"):
            holder(step)(image, {"boxes": torch.tensor(boxes)})
        own = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(40, 60))
        for others in ({"boxes": own}, {"masks": np.zeros((1, 40, 60))}, {"keypoints": np.zeros((1, 2))}):
            holder(step)(image, others)
    same = A.Compose([A.HorizontalFlip(p=1)], bbox_params=A.BboxParams("pascal_voc", label_fields=[]))
    assert holder(same)(image, {"boxes": np.array(boxes)})[1]["boxes"][0].tolist() == pytest.approx([40, 5, 50, 15])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_boxes_that_a_library_leaves_alone_stand_for_the_same_objects(dtype: torch.dtype) -> None:
    still = T.Albumentations(A.HorizontalFlip(p=0))
    chain = T.Compose([T.RandomRotation((45, 45)), still, T.RandomRotation((-45, -45))])
    boxes = torch.tensor([[30.0, 40, 60, 55], [10, 80, 90, 90]], dtype=dtype)
    _, target = chain(np.zeros((120, 120, 3), dtype=np.uint8), {"boxes": boxes})
    assert torch.allclose(target["boxes"][0], boxes[0], atol=1e-3)


STEPS: dict[str, Any] = {
    "albumentations": A.HorizontalFlip(p=1),
    "torchvision": v2.RandomHorizontalFlip(1.0),
    "imgaug": iaa.Fliplr(1.0),
    "in a container": T.OneOf([A.HorizontalFlip(p=1)], p=1.0),
    "a zoom": A.Affine(scale=2, p=1),
    "a colour": v2.RandomGrayscale(1.0),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("box", [(40, 90, 160, 110), (0, 0, 200, 200)])
def test_boxes_that_stay_where_an_image_moves_hold_their_objects(name: str, box: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    image = np.zeros((200, 200, 3), dtype=np.uint8)
    image[top:bottom, left:right] = 255
    first, last = T.RandomRotation((30, 30)), T.RandomAffine((30, 30), scale=(0.5, 0.5))
    target = {"boxes": np.array([box], dtype=np.float32)}
    made, moved = T.Compose([first, STEPS[name], last])(image, target)
    rows, columns = np.nonzero(np.asarray(made)[:, :, 0] > 128)
    edges = moved["boxes"][0]
    assert (edges[:2] <= [columns.min() + 1, rows.min() + 1]).all()
    assert (edges[2:] >= [columns.max(), rows.max()]).all()


def test_a_mask_of_numbers_of_colours_keeps_its_colours() -> None:
    mask = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).convert("P")
    mask.putpalette([level % 251 for level in range(7, 7 + 3 * 256)])
    _, target = T.Albumentations(A.HorizontalFlip(p=1.0))(np.zeros((4, 4, 3), np.uint8), {"mask": mask})
    assert (np.asarray(target["mask"]) == np.asarray(mask)[:, ::-1]).all()
    assert target["mask"].getpalette() == mask.getpalette()
