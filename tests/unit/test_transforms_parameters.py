"""Each parameter does what it says, either way and up to both of its ends: seen in sizes, places and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from support.painted import colour_of, found, painted

from fastload import _core
from fastload import transforms as T

NEAREST = T.InterpolationMode.NEAREST
rows, columns = np.mgrid[:64, :64]
PHOTO = np.stack([127 + 100 * np.sin(columns / (6 + k)) * np.cos(rows / 8) for k in range(3)], axis=-1).astype(np.uint8)


def results(transform: Any, *sample: Any, times: int) -> list[Any]:
    """What becomes of the sample under the first seeds."""
    made = []
    for seed in range(times):
        torch.manual_seed(seed)
        made.append(transform(*sample))
    return made


def sizes(transform: Any, *sample: Any, times: int) -> Any:
    """The (height, width) of the images made."""
    made = results(transform, *sample, times=times)
    return np.array([(one[0] if isinstance(one, tuple) else one).shape[:2] for one in made])


# Sizes


def test_scale_jitter_reaches_both_ends_of_its_scales() -> None:
    # The longer side fits the square target by a factor of 2; sizes are rounded down.
    heights, widths = sizes(T.ScaleJitter((120, 120), (0.5, 1.5)), np.zeros((40, 60), np.uint8), times=300).T
    assert widths.min() in range(59, 63)
    assert widths.max() in range(177, 181)
    assert abs(heights - widths * 40 / 60).max() <= 1


@pytest.mark.parametrize(
    ("target", "height", "width", "factor"),
    [((200, 40), 40, 100, 1), ((40, 200), 100, 40, 1), ((50, 400), 40, 100, 0.5), ((400, 50), 100, 40, 0.5)],
)
def test_scale_jitter_counts_its_target_as_torchvision_does(
    target: tuple[int, int], height: int, width: int, factor: float
) -> None:
    # Documented there as min(target_size[0] / width, target_size[1] / height): (width, height), as it were.
    assert factor == min(target[0] / width, target[1] / height)
    found_sizes = sizes(T.ScaleJitter(target, (1.0, 1.0)), np.zeros((height, width), np.uint8), times=2)
    assert found_sizes.tolist() == [[int(height * factor), int(width * factor)]] * 2


def test_zooming_out_makes_sides_from_the_least_to_the_most() -> None:
    found_sizes = sizes(T.RandomZoomOut(side_range=(2.0, 3.0), p=1.0), np.zeros((40, 60), np.uint8), times=300)
    assert found_sizes.min(axis=0).tolist() in ([80, 120], [80, 121])
    assert found_sizes[:, 0].max() in (118, 119, 120)
    assert abs(found_sizes[:, 1] - 1.5 * found_sizes[:, 0]).max() <= 1.5


def test_iou_crops_have_every_shape_between_the_least_and_the_most() -> None:
    target = {"boxes": torch.tensor([[20.0, 20, 180, 180]])}
    crop = T.RandomIoUCrop(min_aspect_ratio=0.7, max_aspect_ratio=1.6, sampler_options=[0.0])
    heights, widths = sizes(crop, np.zeros((200, 200), np.uint8), target, times=300).T
    shapes = widths / heights
    assert shapes.min() >= 0.7
    assert shapes.max() <= 1.6
    assert shapes.min() < 0.75
    assert shapes.max() > 1.5
    assert (shapes == 1).mean() < 0.1, "images that were not cropped"


# Places


def test_affine_maps_translate_either_way() -> None:
    image = painted(100, 80, [(35, 45, 45, 55)])
    affine = T.RandomAffine(0, translate=(0.2, 0.1))
    moved = np.array([found(made, 0) for made in results(affine, image, times=400)])[:, :2] - (35, 45)
    # Uniform in [-16, 16] and [-10, 10]: five deviations of the mean are 2.3 and 1.5.
    assert moved.min(axis=0).tolist() == [-16, -10]
    assert moved.max(axis=0).tolist() == [16, 10]
    assert (abs(moved.mean(axis=0)) < (2.3, 1.5)).all()


def test_a_perspective_moves_corners_inwards_by_up_to_its_part_of_half_a_side() -> None:
    corners = [[0, 0, 2], [99, 0, 2], [99, 79, 2], [0, 79, 2]]
    target = {"keypoints": torch.tensor([corners], dtype=torch.float32)}
    inwards = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    image = np.zeros((80, 100, 3), np.uint8)
    for scale, most in ((0.5, [25, 20]), (0.8, [40, 32]), (0.1, [5, 4])):
        made = results(T.RandomPerspective(scale, p=1.0), image, target, times=400)
        places = np.array([after["keypoints"][0, :, :2].numpy() for _, after in made])
        moved = ((places - np.array(corners)[:, :2]) * inwards).round(3)
        assert moved.min(axis=(0, 1)).tolist() == [0, 0]
        assert moved.max(axis=(0, 1)).tolist() == most


def test_a_safe_crop_cuts_off_no_more_than_its_erosion() -> None:
    boxes = [(40, 30, 80, 70), (50, 40, 70, 60)]  # the second is the middle half of the first
    image = painted(100, 120, boxes)
    target = {"boxes": torch.tensor(boxes, dtype=torch.float32)}

    def places(erosion: float, number: int) -> Any:
        made = results(T.BBoxSafeRandomCrop(erosion), image, target, times=200)
        return np.array([found(one, number) for one, _ in made])

    def sides(edges: Any) -> Any:
        return edges[:, 2:] - edges[:, :2]

    assert (sides(places(0.0, 0)) == 40).all()
    eroded = sides(places(0.5, 0))
    assert (eroded.min(axis=0) < 28).all(), "much of what may be cut off is, now and then"
    assert (eroded.max(axis=0) == 40).all()
    assert (sides(places(0.5, 1)) == 20).all()


@pytest.mark.parametrize(
    ("height_range", "width_range", "heights", "widths"),
    [((2, 4), (10, 14), (2, 4), (10, 14)), ((0.05, 0.1), (0.3, 0.5), (2, 4), (12, 19))],
)
def test_dropped_holes_are_as_high_and_as_wide_as_asked(
    height_range: Any, width_range: Any, heights: tuple[int, int], widths: tuple[int, int]
) -> None:
    dropout = T.CoarseDropout((1, 1), height_range, width_range, fill=colour_of(0), p=1.0)
    holes = np.array([found(made, 0) for made in results(dropout, painted(50, 40, []), times=300)])
    # Parts are of the image's own sides, in whole pixels: from 0.05 * 50 = 2.5 on that is 2, and below 5 it is 4.
    assert set(holes[:, 3] - holes[:, 1]) == set(range(heights[0], heights[1] + 1))
    assert set(holes[:, 2] - holes[:, 0]) == set(range(widths[0], widths[1] + 1))


# Displacements of `ElasticTransform`. Images are square, where torchvision's releases agree on what alpha counts in:
# a pixel moves by the smoothed noise, within [-1, 1], times alpha / 2.

RAMPS = np.stack([columns, rows], axis=-1).astype(np.float64)
INSIDE = np.s_[16:-16, 16:-16]  # where nothing comes from outside of the image


def displacements(alpha: Any, sigma: Any, seed: int) -> Any:
    """(H, W, 2): how far in x and in y the pixels in the middle came from."""
    torch.manual_seed(seed)
    bend = T.ElasticTransform(alpha, sigma)
    torch.manual_seed(seed)
    made = [bend(RAMPS[..., 0])]
    torch.manual_seed(seed)
    made.append(bend(RAMPS[..., 1]))
    return (np.stack(made, axis=-1) - RAMPS)[INSIDE]


def test_the_alphas_of_an_elastic_map_are_of_x_and_of_y() -> None:
    across, down = np.moveaxis(displacements((40.0, 0.0), 3.0, 0), -1, 0)
    assert abs(across).max() > 0.5
    assert abs(down).max() < 1e-3
    across, down = np.moveaxis(displacements((0.0, 40.0), 3.0, 0), -1, 0)
    assert abs(across).max() < 1e-3
    assert abs(down).max() > 0.5


def test_an_elastic_map_is_as_strong_as_torchvisions() -> None:
    # Uniform noise deviates by sqrt(1/3); Gaussian weights leave 1 / (2 sqrt(pi) sigma) of that in two dimensions.
    expected = 60 / 2 * np.sqrt(1 / 3) / (2 * np.sqrt(np.pi) * 2)
    deviations = np.sqrt(np.mean([displacements(60.0, 2.0, seed) ** 2 for seed in range(20)], axis=(0, 1, 2)))
    assert abs(deviations / expected - 1).max() < 0.15


def elastic_field(height: int, width: int, sigma: Any) -> Any:
    """(H, W, 2): how far in x and in y each pixel comes from in a map of alpha 2, always of the same draw."""
    op = T.ElasticTransform(2.0, sigma).op(0, (0,))
    (_, places), *_ = _core.ImageProgram([op]).draw(1, height, width)[0][1]
    rows, columns = np.mgrid[:height, :width] + 0.5
    return places.astype(np.float64) - np.stack([columns, rows], axis=-1)


@pytest.mark.parametrize("size", [(90, 70), (9, 31), (5, 3), (2, 40), (1, 6)])
@pytest.mark.parametrize(("sigma", "taps"), [(0.5, 5), (0.7, 7), (1.5, 13), (2.2, 19), (4.1, 33)])
def test_an_elastic_map_is_noise_blurred_in_torchvisions_window(size: Any, sigma: float, taps: int) -> None:
    """Of int(8 * sigma + 1) pixels or one more, over the field reflected at its outermost pixels."""
    expected = elastic_field(*size, 0.0)
    weights = np.exp(-0.5 * ((np.arange(taps) - taps // 2) / sigma) ** 2)
    for axis in (0, 1):
        around = [(taps // 2,) * 2 if one == axis else (0, 0) for one in range(3)]
        wide = np.pad(expected, around, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(wide, taps, axis=axis)
        expected = windows @ (weights / weights.sum())
    assert abs(elastic_field(*size, sigma) - expected).max() < 2e-5


def test_the_sigmas_of_an_elastic_map_are_along_x_and_along_y() -> None:
    # What moves along an axis is blurred in a window for the sigma of that axis, which is too small for the larger one.
    for sigma, smooth_along, moved in (((6.0, 0.8), 1, 0), ((0.8, 6.0), 0, 1)):
        fields = [displacements(8.0, sigma, seed)[..., moved] for seed in range(5)]
        smooth = np.mean([abs(np.diff(field, axis=smooth_along)) for field in fields])
        rough = np.mean([abs(np.diff(field, axis=1 - smooth_along)) for field in fields])
        assert rough > 3 * smooth


# Colours and policies


def contrast(image: Any) -> float:
    return float(np.std(image))


def test_clahe_reaches_both_ends_of_its_limits() -> None:
    dull = (PHOTO // 8 + 100).astype(np.uint8)
    low, middle, high = (results(T.CLAHE((limit, limit), (2, 2), p=1.0), dull, times=10) for limit in (3.0, 5.0, 9.0))
    for fixed in (low, middle, high):
        assert all(np.array_equal(made, fixed[0]) for made in fixed), "one limit, one image"
    assert contrast(dull) < contrast(low[0]) < contrast(middle[0]) < contrast(high[0])
    found_contrasts = [contrast(made) for made in results(T.CLAHE((3.0, 9.0), (2, 2), p=1.0), dull, times=200)]
    assert contrast(low[0]) - 0.01 <= min(found_contrasts) < contrast(middle[0])
    assert contrast(middle[0]) < max(found_contrasts) <= contrast(high[0]) + 0.01


def moved_by_pillow(image: Any) -> list[Any]:
    """Turned by 135 degrees, sheared by 0.99 and moved by 32 pixels, either way: torchvision's wide space."""
    made = [image.rotate(sign * 135) for sign in (1, -1)]
    for sign in (1, -1):
        shears = (1, -sign * 0.99, 0, 0, 1, 0), (1, 0, 0, -sign * 0.99, 1, 0)
        shifts = (1, 0, sign * 32, 0, 1, 0), (1, 0, 0, 0, 1, sign * 32)
        made += [image.transform(image.size, Image.Transform.AFFINE, back) for back in (*shears, *shifts)]
    return made


def coloured_by_pillow(image: Any) -> list[Any]:
    made = [ImageOps.autocontrast(image), ImageOps.equalize(image)]
    made += [ImageOps.posterize(image, 2), ImageOps.solarize(image, 0)]
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Color, ImageEnhance.Contrast, ImageEnhance.Sharpness):
        made += [enhance(image).enhance(1 + sign * 0.99) for sign in (1, -1)]
    return made


def test_the_magnitudes_of_trivial_augment_are_the_wide_ones() -> None:
    """Two bins: no strength at all, or the whole of it."""
    noise = np.random.default_rng(0).integers(-40, 40, PHOTO.shape)
    image = Image.fromarray((PHOTO + noise).clip(20, 230).astype(np.uint8))
    expected = [np.asarray(one).astype(int) for one in [image, *moved_by_pillow(image), *coloured_by_pillow(image)]]
    seen = set()
    for seed, made in enumerate(results(T.TrivialAugmentWide(2), image, times=600)):
        distances = [np.mean(abs(np.asarray(made) - other)) for other in expected]
        best = int(np.argmin(distances))
        assert distances[best] < 0.5, seed
        seen.add(best)
    assert seen == set(range(len(expected)))


def test_augmix_changes_brightness_and_colours_only_with_all_ops() -> None:
    # One colour looks the same in the middle wherever it is moved, equalised or stretched. At severity 3 at least
    # three bits are kept, and levels below 198 are not inverted.
    flat = np.full((64, 64, 3), (160, 96, 32), dtype=np.uint8)

    def changed(all_ops: bool) -> int:
        made = results(T.AugMix(severity=3, chain_depth=1, all_ops=all_ops), flat, times=60)
        return sum(not np.array_equal(one[28:36, 28:36], flat[28:36, 28:36]) for one in made)

    assert changed(all_ops=False) == 0
    assert changed(all_ops=True) > 10
    photos = results(T.AugMix(severity=3, all_ops=False), PHOTO, times=20)
    assert sum(not np.array_equal(made, PHOTO) for made in photos) > 10


# Objects that others hide


class OneObjectEach(torch.utils.data.Dataset[Any]):
    """The samples read have one object: number 0 and number 1, by turns."""

    def __init__(self) -> None:
        self.reads = 0

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        number = self.reads % 2
        self.reads += 1
        box = (34, 34, 66, 66)
        image = np.full((100, 100, 3), 90, dtype=np.uint8)
        image[34:66, 34:66] = colour_of(number)
        mask = (image == colour_of(number)).all(axis=-1).astype(np.uint8)
        target = {
            "boxes": torch.tensor([box], dtype=torch.float32),
            "labels": torch.tensor([number]),
            "masks": torch.from_numpy(mask)[None],
        }
        return image, target


@pytest.mark.parametrize("least", [0.3, 0.6])
def test_objects_go_of_which_pasted_ones_leave_too_little(least: float) -> None:
    data = T.CopyPaste(OneObjectEach(), p=1.0, p_object=1.0, scale=(0.8, 1.2), boxes=T.BoxParams(min_visibility=least))
    stayed = gone = 0
    for seed in range(150):
        torch.manual_seed(seed)
        image, target = data[0]
        left = (image == colour_of(0)).all(axis=-1)
        labels = target["labels"].tolist()
        assert (0 in labels) == (left.sum() / 32**2 >= least), seed
        if 0 in labels:
            place = labels.index(0)
            stayed += left.sum() < 32**2
            assert np.array_equal(target["masks"][place].numpy() > 0, left)
            assert tuple(target["boxes"][place].int().tolist()) == found(image, 0)
        gone += 0 not in labels
    assert stayed > 15
    assert gone > 5
