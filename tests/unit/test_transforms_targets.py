"""What moves with an image: formats of boxes, what is kept of them, points, masks, and samples of every form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fastload import transforms as T

FLIP = T.RandomHorizontalFlip(1.0)
IMAGE = np.zeros((40, 60, 3), dtype=np.uint8)


def boxes_after(transform: Any, boxes: Any, **params: Any) -> list[list[float]]:
    _, target = T.Compose([transform], boxes=T.BoxParams(**params))(IMAGE, {"boxes": np.array(boxes, dtype=np.float64)})
    return target["boxes"].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "box", "flipped"),
    [
        ("xyxy", [10, 5, 30, 25], [30, 5, 50, 25]),
        ("pascal_voc", [10, 5, 30, 25], [30, 5, 50, 25]),
        ("xywh", [10, 5, 20, 20], [30, 5, 20, 20]),
        ("coco", [10, 5, 20, 20], [30, 5, 20, 20]),
        ("cxcywh", [20, 15, 20, 20], [40, 15, 20, 20]),
        ("xyxy_normalized", [0.25, 0.5, 0.5, 0.75], [0.5, 0.5, 0.75, 0.75]),
        ("albumentations", [0.25, 0.5, 0.5, 0.75], [0.5, 0.5, 0.75, 0.75]),
        ("xywh_normalized", [0.25, 0.5, 0.25, 0.25], [0.5, 0.5, 0.25, 0.25]),
        ("yolo", [0.25, 0.5, 0.25, 0.25], [0.75, 0.5, 0.25, 0.25]),
        ("cxcywhr", [20, 15, 20, 10, 0], [40, 15, 20, 10, 0]),
        ("xyxyxyxy", [10, 5, 30, 5, 30, 25, 10, 25], [30, 5, 50, 5, 50, 25, 30, 25]),
    ],
)
def test_a_flip_in_every_format(name: str, box: list[float], flipped: list[float]) -> None:
    (result,) = boxes_after(FLIP, [box], format=name)
    if name == "cxcywhr":  # a rectangle is the same after half a turn
        result[4] = (result[4] + 90) % 180 - 90
    assert result == pytest.approx(flipped)


def test_normalized_boxes_are_parts_of_the_new_image() -> None:
    (box,) = boxes_after(T.CenterCrop((20, 30)), [[0.5, 0.5, 0.5, 0.5]], format="yolo")
    assert box == pytest.approx([0.5, 0.5, 1.0, 1.0])


def test_a_rotated_box_turns_and_keeps_its_sides() -> None:
    turn = T.RandomRotation((-30, -30))  # clockwise
    (box,) = boxes_after(turn, [[30, 20, 16, 8, 10]], format="cxcywhr")
    assert box == pytest.approx([30, 20, 16, 8, 40])


def test_whole_numbers_stay_exact_through_flips_and_crops() -> None:
    rng = np.random.default_rng(1)
    left, top = rng.integers(0, 3000, 50), rng.integers(0, 2000, 50)
    boxes = np.stack([left, top, left + rng.integers(1, 900, 50), top + rng.integers(1, 900, 50)], axis=1)
    image = np.zeros((3000, 4000), dtype=np.uint8)
    chain = T.Compose([T.RandomHorizontalFlip(1.0), T.Pad(7), T.RandomVerticalFlip(1.0), T.CenterCrop((3014, 4014))])
    _, target = chain(image, {"boxes": torch.from_numpy(boxes)})
    expected = np.stack([4000 - boxes[:, 2], 3000 - boxes[:, 3], 4000 - boxes[:, 0], 3000 - boxes[:, 1]], axis=1) + 7
    assert target["boxes"].dtype == torch.float32
    assert np.array_equal(target["boxes"].numpy(), expected)


def test_what_cannot_be_seen_goes_with_all_that_belongs_to_it() -> None:
    target = {
        "boxes": torch.tensor([[0.0, 0, 10, 10], [20, 15, 40, 25], [50, 30, 60, 40]]),
        "labels": ["a", "b", "c"],
        "area": np.array([100, 200, 100]),
        "masks": torch.zeros(3, 40, 60, dtype=torch.bool),
        "keypoints": torch.zeros(3, 4, 3),
        "image_id": [1, 2, 3],
        "note": "abc",
        "pair": (1, 2),
    }
    _, after = T.CenterCrop((20, 30))(IMAGE, target)
    assert after["boxes"].tolist() == [[5, 5, 25, 15]]
    assert after["labels"] == ["b"]
    assert after["area"].tolist() == [200]
    assert after["masks"].shape == (1, 20, 30)
    assert after["keypoints"].shape == (1, 4, 3)
    assert after["image_id"] == [1, 2, 3]
    assert after["note"] == "abc"
    assert after["pair"] == (1, 2)
    assert target["labels"] == ["a", "b", "c"], "the sample that came is left as it was"


@pytest.mark.parametrize(
    "name",
    ["image_size", "img_shape", "ori_shape", "pad_shape", "original_size", "scale_factor", "pixel_mask", "image_path"],
)
def test_values_of_the_image_are_known_by_their_names(name: str) -> None:
    target = {"boxes": torch.tensor([[0.0, 0, 10, 10], [20, 15, 40, 25]]), name: torch.tensor([40, 60]), "rank": [1, 2]}
    _, after = T.CenterCrop((20, 30))(IMAGE, target)
    assert (len(after["boxes"]), after[name].tolist(), after["rank"]) == (1, [40, 60], [2])
    params = T.BoxParams(fields=(name,))
    _, after = T.Compose([T.CenterCrop((20, 30))], boxes=params)(IMAGE, target)
    assert (len(after["boxes"]), after[name].tolist(), after["rank"]) == (1, [60], [1, 2]), "what is said counts"


def test_all_boxes_may_go() -> None:
    _, after = T.CenterCrop(4)(IMAGE, {"boxes": torch.tensor([[0.0, 0, 5, 5]]), "labels": torch.tensor([7])})
    assert after["boxes"].shape == (0, 4)
    assert after["labels"].shape == (0,)
    _, again = FLIP(IMAGE, after)
    assert again["boxes"].shape == (0, 4)


@pytest.mark.parametrize("empty", [[], np.zeros((0, 4)), torch.zeros(0, 4), torch.zeros(0)])
def test_no_boxes_at_all_are_welcome(empty: Any) -> None:
    _, after = T.Compose([T.RandomRotation(30), T.RandomIoUCrop(), T.BBoxSafeRandomCrop()])(IMAGE, {"boxes": empty})
    assert len(after["boxes"]) == 0


def test_small_and_hidden_boxes_are_filtered() -> None:
    boxes = [[0, 0, 20, 20], [18, 0, 38, 20], [25, 5, 27, 7], [30, 10, 50, 30]]
    crop = T.Lambda(lambda image: image)
    assert boxes_after(crop, boxes, min_area=1000) == boxes, "nothing moves, nothing is filtered"
    right_half = T.CenterCrop((40, 20))  # columns 20 to 40
    assert boxes_after(right_half, boxes) == [[0, 0, 18, 20], [5, 5, 7, 7], [10, 10, 20, 30]]
    assert boxes_after(right_half, boxes, min_area=5) == [[0, 0, 18, 20], [10, 10, 20, 30]]
    assert boxes_after(right_half, boxes, min_visibility=0.6) == [[0, 0, 18, 20], [5, 5, 7, 7]]
    assert boxes_after(right_half, boxes, min_visibility=0.9) == [[0, 0, 18, 20], [5, 5, 7, 7]], "18 of 20 columns"
    assert boxes_after(right_half, boxes, min_width=11) == [[0, 0, 18, 20]]
    assert boxes_after(right_half, boxes, min_width=18) == [[0, 0, 18, 20]]
    assert boxes_after(right_half, boxes, min_height=3) == [[0, 0, 18, 20], [10, 10, 20, 30]]
    assert boxes_after(right_half, boxes, min_height=20) == [[0, 0, 18, 20], [10, 10, 20, 30]]
    assert boxes_after(right_half, boxes, min_height=21) == []
    assert boxes_after(right_half, boxes, clip=False) == [[-2, 0, 18, 20], [5, 5, 7, 7], [10, 10, 30, 30]]


@pytest.mark.parametrize("bend", [T.ElasticTransform(0.01), T.GridDistortion(5, 0.001, p=1.0)])
def test_what_was_cut_off_before_an_image_is_bent_counts(bend: Any) -> None:
    chain = T.Compose([T.CenterCrop((40, 20)), bend], boxes=T.BoxParams(min_visibility=0.6))
    boxes = torch.tensor([[18.0, 0, 38, 20], [30, 10, 50, 30]])  # of which 90 and 50 percent are left
    for image in (IMAGE, IMAGE.astype(np.float32)):
        _, after = chain(image, {"boxes": boxes, "labels": ["much", "little"]})
        assert after["labels"] == ["much"]


def test_what_a_crop_has_dropped_stays_away() -> None:
    boxes = torch.tensor([[x, y, x + 22.0, y + 16] for x in (0, 12, 24, 38) for y in (0, 8, 16, 24)])
    first = T.RandomIoUCrop(sampler_options=[0.0])
    target = {"boxes": boxes, "labels": torch.arange(len(boxes))}
    for seed in range(60):
        left = []
        for chain in (T.Compose([first]), T.Compose([first, T.Pad(30), T.RandomIoUCrop(0.9, sampler_options=[0.0])])):
            torch.manual_seed(seed)
            left.append(set(chain(IMAGE, target)[1]["labels"].tolist()))
        assert left[1] <= left[0]


def test_masks_hold_what_is_asked_for_where_nothing_is_shown() -> None:
    from PIL import Image

    mask = np.full((40, 60), 7, dtype=np.uint8)
    expected = np.pad(mask, 2, constant_values=255)
    chain = T.Compose([T.Pad(2)], boxes=T.BoxParams(mask_fill=255))
    for one in (mask, torch.from_numpy(mask), Image.fromarray(mask)):
        assert np.array_equal(np.asarray(chain(IMAGE, {"mask": one})[1]["mask"]), expected)
        (moved,) = chain(IMAGE.astype(np.float32), {"masks": [one]})[1]["masks"]
        assert np.array_equal(np.asarray(moved), expected)


def test_a_point_on_the_border_is_still_in_the_image() -> None:
    points = torch.tensor([[[0.0, 0, 2], [60, 40, 1], [60, 0, 2], [60.01, 0, 2]]])
    _, after = FLIP(IMAGE, {"keypoints": points})
    assert after["keypoints"][0, :, 2].tolist() == [2, 1, 2, 0]
    _, after = T.CenterCrop((40, 30))(IMAGE, {"keypoints": torch.tensor([[[15.0, 0, 2], [45, 40, 2], [14.99, 0, 2]]])})
    assert after["keypoints"][0, :, 2].tolist() == [2, 2, 0]


def test_an_ellipse_is_its_box_until_something_turns() -> None:
    def ellipse(step: Any, box: list[int]) -> list[float]:
        ((found),) = boxes_after(step, [box], outline="ellipse")
        return found

    assert ellipse(T.Pad((-50, 0, 0, 0)), [0, 0, 60, 40]) == [0, 0, 10, 40]
    assert ellipse(T.Compose([T.CenterCrop(20), T.Resize(40), T.Transpose(1.0)]), [0, 0, 60, 40]) == [0, 0, 40, 40]
    # Around the ellipse as it has turned, and cut as a box: columns 0 to 10 of those that are left of it.
    turned = ellipse(T.RandomRotation((45, 45)), [20, 10, 40, 30])
    assert turned == pytest.approx([20, 10, 40, 30], abs=0.02)
    cut = ellipse(T.Compose([T.RandomRotation((45, 45)), T.Pad((-35, 0, 0, 0))]), [20, 10, 40, 30])
    assert cut == pytest.approx([0, 10, 5, 30], abs=0.02)


def test_an_ellipse_turns_into_a_tighter_box() -> None:
    turn = T.RandomRotation((45, 45))
    box = [20, 12, 40, 28]
    ((left, _, right, _),) = boxes_after(turn, [box])
    assert right - left == pytest.approx((20 + 16) * np.sqrt(0.5))
    ((left, _, right, _),) = boxes_after(turn, [box], outline="ellipse")
    assert right - left == pytest.approx(np.sqrt((20**2 + 16**2) / 2), rel=2e-3)
    assert boxes_after(FLIP, [box], outline="ellipse") == [[20, 12, 40, 28]]


def test_what_was_cut_off_an_ellipse_stays_away_when_it_turns() -> None:
    """The right half of a disc, turned by 45 degrees up to the right: it reaches 10 / sqrt(2) to the left and down."""
    chain = T.Compose([T.Pad((-30, 0, 0, 0)), T.Pad((30, 0, 0, 0)), T.RandomRotation((45, 45))])
    reach = 10 / np.sqrt(2)
    for least, left in ((0.45, [[30 - reach, 10, 40, 20 + reach]]), (0.55, [])):
        found = boxes_after(chain, [[20, 10, 40, 30]], outline="ellipse", min_visibility=least)
        assert len(found) == len(left)
        assert np.allclose(found, left, atol=0.02) or not left


def test_points_move_and_change_names_in_a_mirror() -> None:
    points = torch.tensor([[[10.0, 5, 2], [50, 5, 2], [30, 39, 1]]])
    params = T.BoxParams(keypoint_swaps=[(0, 1)])
    _, after = T.Compose([FLIP], boxes=params)(IMAGE, {"keypoints": points})
    assert after["keypoints"].tolist() == [[[10, 5, 2], [50, 5, 2], [30, 39, 1]]]
    _, after = T.Compose([FLIP, T.RandomVerticalFlip(1.0)], boxes=params)(IMAGE, {"keypoints": points})
    assert after["keypoints"].tolist() == [[[50, 35, 2], [10, 35, 2], [30, 1, 1]]]
    _, after = T.CenterCrop((40, 30))(IMAGE, {"keypoints": points})
    assert after["keypoints"][0, :, 2].tolist() == [0, 0, 1], "what is outside cannot be seen"


@pytest.mark.parametrize("kind", ["pil", "array", "tensor", "float tensor", "float array", "16 bit"])
def test_the_kind_of_image_makes_no_difference(kind: str) -> None:
    from PIL import Image

    y, x = np.mgrid[:40, :60]
    pixels = np.stack([127 + 100 * np.sin(x / (7 + k)) * np.cos(y / 6) for k in range(3)], axis=-1).astype(np.uint8)
    image = {
        "pil": lambda: Image.fromarray(pixels),
        "array": lambda: pixels,
        "tensor": lambda: torch.from_numpy(pixels).permute(2, 0, 1),
        "float tensor": lambda: torch.from_numpy(pixels).permute(2, 0, 1) / 255,
        "float array": lambda: pixels.astype(np.float32),
        "16 bit": lambda: pixels.astype(np.int16),
    }[kind]()
    target = {"boxes": torch.tensor([[10.0, 5, 30, 25]]), "mask": torch.arange(2400).reshape(40, 60)}
    for transform in (
        T.RandomAffine((20, 20), (0.1, 0.1), (1.2, 1.2)),
        T.RandomPerspective(0.2, 1.0),
        T.ElasticTransform(20.0),
        T.GridDistortion(p=1.0),
        T.RandomRotation((30, 30), expand=True),
        T.RandomRotate90(1.0),
        T.Transpose(1.0),
        T.RandomZoomOut(p=1.0, side_range=(1.5, 1.5)),
        T.LetterBox((50, 50), fill=0),
        T.LongestMaxSize(30),
        T.ScaleJitter((40, 40)),
        T.RandomShortestSize(20),
        T.RandomIoUCrop(),
        T.BBoxSafeRandomCrop(),
    ):
        torch.manual_seed(3)
        reference, expected = transform(pixels, target)
        torch.manual_seed(3)
        made, after = transform(image, target)
        assert torch.equal(after["boxes"], expected["boxes"])
        assert torch.equal(after["mask"], expected["mask"])
        shown = np.asarray(made.permute(1, 2, 0) if isinstance(made, torch.Tensor) else made).astype(np.float64)
        assert type(made) is type(image)
        assert shown.shape == reference.shape
        difference = np.abs(shown * (255 if kind == "float tensor" else 1) - reference)
        assert np.mean(difference) < 2.5, type(transform).__name__  # floats are not antialiased, and round otherwise


def test_samples_of_every_form() -> None:
    box = torch.tensor([[10.0, 5, 30, 25]])
    flipped = [[30, 5, 50, 25]]
    _, target, rest = FLIP(IMAGE, {"boxes": box}, "rest")
    assert target["boxes"].tolist() == flipped
    assert rest == "rest"
    _, target = FLIP((IMAGE, {"boxes": box}))
    assert target["boxes"].tolist() == flipped
    sample = FLIP({"boxes": box, "image": IMAGE, "id": 5})
    assert sample["boxes"].tolist() == flipped
    assert sample["image"].shape == IMAGE.shape
    assert sample["id"] == 5
    sample = FLIP({"mask": np.arange(2400).reshape(40, 60), "image": IMAGE, "bboxes": [(10, 5, 30, 25)]})
    assert sample["bboxes"] == [(30, 5, 50, 25)]
    assert sample["mask"][0].tolist() == list(range(59, -1, -1))
    sample = FLIP({"image": IMAGE, "masks": [np.zeros((40, 60)), np.ones((40, 60))]})
    assert [mask.sum() for mask in sample["masks"]] == [0, 2400]


def test_boxes_pass_through_python_steps_between_native_ones() -> None:
    seen = []

    def look(image: Any, target: Any) -> Any:
        seen.append(target["boxes"].tolist())
        return image, target

    chain = T.Compose([FLIP, look, T.Pad(10), T.ToTensor(), T.RandomRotation((90, 90), expand=True)])
    image, target = chain(IMAGE, {"boxes": torch.tensor([[10.0, 5, 30, 25]])})
    assert seen == [[[30, 5, 50, 25]]]
    assert image.shape == (3, 80, 60)
    assert target["boxes"].tolist() == [[15, 20, 35, 40]]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, 5, 5], [9, 0, 3, 5]], r"box 1 of 2 is \(9, 0, 3, 5\) in xyxy: x1 <= x2"),
        ([[0, 0, 5, float("nan")]], r"box 0 of 1 .* finite"),
        ([[0, 0, 5]], r"\(N, 4\).*\(1, 3\)"),
        ([0, 0, 5, 5], r"\(N, 4\)"),
    ],
)
def test_bad_boxes_are_refused_by_number(boxes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FLIP(IMAGE, {"boxes": torch.tensor(boxes)})


def test_bad_params_are_refused() -> None:
    with pytest.raises(ValueError, match=r"format must be one of .*; got 'yxyx'"):
        T.BoxParams("yxyx")
    with pytest.raises(ValueError, match="min_visibility"):
        T.BoxParams(min_visibility=1.5)
    with pytest.raises(TypeError, match="clip must be True or False, got 'no'"):
        T.BoxParams(clip="no")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"mask_fill must be an int, got 0\.5"):
        T.BoxParams(mask_fill=0.5)  # type: ignore[arg-type]
    # Both ways, or twice, would exchange them and back again.
    for swaps in ([(0, 1), (1, 0)], [(0, 1), (0, 1)], [(0, 1), (1, 2)], [(3, 3)]):
        with pytest.raises(ValueError, match=r"each key point in one pair alone, .*; got \["):
            T.BoxParams(keypoint_swaps=swaps)


@pytest.mark.parametrize("fill", [300, -1])
def test_masks_that_cannot_hold_what_is_asked_for_are_refused(fill: int) -> None:
    chain = T.Compose([T.Pad(2)], boxes=T.BoxParams(mask_fill=fill))
    for mask in (np.zeros((40, 60), np.uint8), torch.zeros(40, 60, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=rf"mask_fill={fill} .* uint8"):
            chain(IMAGE, {"mask": mask})
    _, after = chain(IMAGE, {"mask": np.zeros((40, 60), np.int16)})
    assert after["mask"][0, 0] == fill
    with pytest.raises(ValueError, match="outline"):
        T.BoxParams(outline="circle")
    with pytest.raises(TypeError, match="boxes must be a BoxParams"):
        T.Compose([FLIP], boxes=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a mask must be .* 40, 60.*got shape \(3, 4\)"):
        FLIP(IMAGE, {"mask": np.zeros((3, 4))})
    with pytest.raises(ValueError, match=r"there are 2"):
        T.Compose([FLIP], boxes=T.BoxParams(keypoint_swaps=[(0, 5)]))(IMAGE, {"keypoints": torch.zeros(1, 2, 2)})
    with pytest.raises(TypeError, match="must be real numbers"):
        FLIP(IMAGE, {"boxes": [[1, 2, 3, "x"]]})


COCO = T.Compose([FLIP], boxes="coco")


@pytest.mark.parametrize(
    "chain",
    [
        COCO,
        T.Compose([COCO, T.ToTensor()]),
        T.Compose([T.ToTensor(), T.RandomApply([COCO], 1.0)]),
        T.RandomApply([COCO], 1.0),
        T.RandomApply([T.Compose([T.OneOf([COCO], 1.0)])], 1.0),
        T.Compose([COCO, T.ToTensor()], boxes="xywh"),
        T.Compose([COCO, FLIP, T.Compose([FLIP], boxes="coco")]),
    ],
)
def test_what_an_inner_compose_says_of_boxes_counts(chain: Any) -> None:
    _, target = chain(IMAGE, {"boxes": torch.tensor([[10.0, 5, 20, 15]])})
    assert target["boxes"].tolist() == [[30, 5, 20, 15]]


def test_two_ways_of_writing_boxes_are_refused() -> None:
    for make in (
        lambda: T.Compose([COCO], boxes="xyxy"),
        lambda: T.Compose([COCO, T.Compose([FLIP], boxes="xyxy")]),
        lambda: T.Compose([T.RandomApply([COCO])], boxes=T.BoxParams("xyxy", min_area=4)),
        lambda: T.RandomApply([COCO, T.Compose([FLIP], boxes="xyxy")])(IMAGE),
    ):
        with pytest.raises(ValueError, match=r"one way(.|\n)*(coco(.|\n)*xyxy|xyxy(.|\n)*coco)"):
            make()
