"""One library's way to augment a sample of 640x480 with ten boxes, and single transforms that two libraries have."""

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

HEIGHT, WIDTH, OUT, OBJECTS = 480, 640, 512, 10
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
AREA = 3  # OpenCV's INTER_AREA, which antialiases
Sample = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]
Apply = Callable[[Any], Any]


def photograph(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Waves and noise: as many levels, and edges, as a photograph has."""
    draws = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([127 + 100 * np.sin(x / (9 + k)) * np.cos(y / 7) for k in range(3)], axis=-1)
    return np.ascontiguousarray((waves + draws.integers(-20, 20, waves.shape)).clip(0, 255).astype(np.uint8))


def sample() -> Sample:
    draws = np.random.default_rng(1)
    start = draws.random((OBJECTS, 2)) * [500, 350]
    boxes = np.concatenate([start, start + draws.random((OBJECTS, 2)) * 100 + 20], axis=1)
    return photograph(), boxes.astype(np.float32), np.arange(OBJECTS)


def fastload_transform() -> Any:
    from fastload import transforms as T

    bilinear = T.InterpolationMode.BILINEAR
    return T.Compose(
        [
            T.RandomHorizontalFlip(),
            T.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), interpolation=bilinear),
            T.RandomBrightnessContrast(0.2, 0.2, p=1.0),
            T.Resize((OUT, OUT)),
            T.ToImage(),
            T.ToDtype(torch.float32, scale=True),
            T.Normalize(MEAN, STD),
        ]
    )


def fastload_chain() -> Apply:
    chain = fastload_transform()
    return lambda it: chain(it[0], {"boxes": it[1], "labels": it[2]})


def albumentations_chain() -> Apply:
    import albumentations as A

    chain = A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(rotate=(-10, 10), translate_percent=(-0.1, 0.1), scale=(0.9, 1.1), p=1.0),
            A.RandomBrightnessContrast(0.2, 0.2, p=1.0),
            A.Resize(OUT, OUT),
            A.Normalize(MEAN, STD),
            A.ToTensorV2(),
        ],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
    )
    return lambda it: chain(image=it[0], bboxes=it[1], labels=it[2])


def imgaug_chain() -> Apply:
    import imgaug.augmenters as iaa
    from imgaug.augmentables import BoundingBox, BoundingBoxesOnImage

    chain = iaa.Sequential(
        [
            iaa.Fliplr(0.5),
            iaa.Affine(rotate=(-10, 10), translate_percent=(-0.1, 0.1), scale=(0.9, 1.1)),
            iaa.Multiply((0.8, 1.2)),
            iaa.LinearContrast((0.8, 1.2)),
            iaa.Resize({"height": OUT, "width": OUT}),
        ]
    )
    mean, std = (np.array(values, dtype=np.float32) * 255 for values in (MEAN, STD))

    def apply(it: Sample) -> Any:
        named = [BoundingBox(*box, label=label) for box, label in zip(it[1].tolist(), it[2].tolist(), strict=True)]
        boxes = BoundingBoxesOnImage(named, shape=it[0].shape)
        image, moved = chain(image=it[0], bounding_boxes=boxes)
        normal = (image.astype(np.float32) - mean) / std
        return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1))), moved.clip_out_of_image()

    return apply


def torchvision_chain() -> Apply:
    # Its compiled operators are for a CUDA build of torch; transforms need none, and this module only declares them.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    chain = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), interpolation=v2.InterpolationMode.BILINEAR),
            v2.ColorJitter(0.2, 0.2),
            v2.Resize((OUT, OUT), antialias=True),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )

    def apply(it: Sample) -> Any:
        boxes = tv_tensors.BoundingBoxes(it[1], format="XYXY", canvas_size=(HEIGHT, WIDTH))
        image = tv_tensors.Image(torch.from_numpy(it[0]).permute(2, 0, 1))
        return chain(image, {"boxes": boxes, "labels": torch.from_numpy(it[2])})

    return apply


def one_warp() -> Apply:
    import cv2

    matrix = np.array([[0.78, 0.08, 5.0], [-0.08, 1.02, 6.0]], dtype=np.float32)
    return lambda it: cv2.warpAffine(it[0], matrix, (OUT, OUT), flags=cv2.INTER_LINEAR)


CHAINS: dict[str, Callable[[], Apply]] = {
    "fastload": fastload_chain,
    "Albumentations": albumentations_chain,
    "imgaug": imgaug_chain,
    "torchvision": torchvision_chain,
    "limit": one_warp,
}


def pairs() -> dict[str, tuple[Apply, Apply]]:
    """fastload's transform and Albumentations' that does the same, by name; both take an image."""
    import albumentations as A

    from fastload import transforms as T

    bilinear = T.InterpolationMode.BILINEAR
    affine = A.Affine(rotate=(-10, 10), translate_percent=(-0.1, 0.1), scale=(0.9, 1.1), p=1.0)
    own_normalise = T.Compose([T.ToDtype(torch.float32, scale=True), T.Normalize(MEAN, STD)])
    own_flips = [T.RandomHorizontalFlip(1.0), T.RandomVerticalFlip(1.0)]
    flips = [A.HorizontalFlip(p=1.0), A.VerticalFlip(p=1.0)]
    transforms = {
        "horizontal flip": (T.RandomHorizontalFlip(1.0), A.HorizontalFlip(p=1.0)),
        "vertical flip": (T.RandomVerticalFlip(1.0), A.VerticalFlip(p=1.0)),
        "centre crop": (T.CenterCrop(384), A.CenterCrop(384, 384)),
        "random crop": (T.RandomCrop(384), A.RandomCrop(384, 384)),
        "random resized crop": (T.RandomResizedCrop(224), A.RandomResizedCrop((224, 224), interpolation=AREA)),
        "the same, not antialiased": (T.RandomResizedCrop(224, antialias=False), A.RandomResizedCrop((224, 224))),
        "pad": (T.Pad(32), A.Pad(32)),
        "longest side": (T.LongestMaxSize(384), A.LongestMaxSize(384, interpolation=AREA)),
        "longest side, not antialiased": (T.LongestMaxSize(384, antialias=False), A.LongestMaxSize(384)),
        "shortest side": (T.RandomShortestSize(384), A.SmallestMaxSize(384, interpolation=AREA)),
        "scale": (T.ScaleJitter((512, 512), (0.7, 1.0)), A.RandomScale((-0.3, 0.0), interpolation=AREA, p=1.0)),
        "rotation": (T.RandomRotation(30, bilinear), A.Rotate((-30, 30), p=1.0)),
        "affine": (T.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), interpolation=bilinear), affine),
        "perspective": (T.RandomPerspective(0.2, 1.0), A.Perspective(p=1.0)),
        "elastic": (T.ElasticTransform(50.0, 5.0), A.ElasticTransform(alpha=50, sigma=5, p=1.0)),
        "grid distortion": (T.GridDistortion(p=1.0), A.GridDistortion(p=1.0)),
        "rotation by quarters": (T.RandomRotate90(1.0), A.RandomRotate90(p=1.0)),
        "transpose": (T.Transpose(1.0), A.Transpose(p=1.0)),
        "resize": (T.Resize((384, 384)), A.Resize(384, 384, interpolation=AREA)),
        "resize, not antialiased": (T.Resize((384, 384), antialias=False), A.Resize(384, 384)),
        "brightness and contrast": (T.RandomBrightnessContrast(p=1.0), A.RandomBrightnessContrast(p=1.0)),
        "colour jitter": (T.ColorJitter(0.2, 0.2, 0.2, 0.2), A.ColorJitter(p=1.0)),
        "hue, saturation, value": (T.HueSaturationValue(p=1.0), A.HueSaturationValue(p=1.0)),
        "gamma": (T.RandomGamma(p=1.0), A.RandomGamma(p=1.0)),
        "grey": (T.RandomGrayscale(1.0), A.ToGray(p=1.0)),
        "invert": (T.RandomInvert(1.0), A.InvertImg(p=1.0)),
        "posterize": (T.RandomPosterize(4, 1.0), A.Posterize(p=1.0)),
        "solarize": (T.RandomSolarize(128, 1.0), A.Solarize(p=1.0)),
        "equalize": (T.RandomEqualize(1.0), A.Equalize(p=1.0)),
        "autocontrast": (T.RandomAutocontrast(1.0), A.AutoContrast(p=1.0)),
        "sharpness": (T.RandomAdjustSharpness(1.5, 1.0), A.Sharpen(p=1.0)),
        "CLAHE": (T.CLAHE(p=1.0), A.CLAHE(p=1.0)),
        "Gaussian blur": (T.GaussianBlur(7), A.GaussianBlur((7, 7), p=1.0)),
        "motion blur": (T.MotionBlur(7, p=1.0), A.MotionBlur(7, p=1.0)),
        "Gaussian noise": (T.GaussianNoise(), A.GaussNoise(p=1.0)),
        "JPEG": (T.JPEG((50, 90)), A.ImageCompression(quality_range=(50, 90), p=1.0)),
        "erasing": (T.RandomErasing(1.0), A.Erasing(p=1.0)),
        "dropout": (T.CoarseDropout(p=1.0), A.CoarseDropout(p=1.0)),
        "normalise": (own_normalise, A.Normalize(MEAN, STD)),
        "to floats": (T.ToDtype(torch.float32, scale=True), A.ToFloat(255.0)),
        "both of two flips": (T.RandomApply(own_flips, 1.0), A.Sequential(flips, 1.0)),
        "one of two flips": (T.OneOf(own_flips, p=1.0), A.OneOf(flips, p=1.0)),
        "some of two flips": (T.SomeOf(own_flips, 2), A.SomeOf(flips, 2)),
        "two flips in any order": (T.RandomOrder(own_flips), A.RandomOrder(flips, 2)),
    }
    made = {name: (ours, lambda image, t=theirs: t(image=image)) for name, (ours, theirs) in transforms.items()}
    grey = photograph(OUT, OUT)[:, :, 0].copy()
    made["resize of a grey image"] = tuple(lambda _, t=t: t(grey) for t in made["resize"])
    return made | {"crop around the boxes": crops_around_boxes(), "mosaic": mosaics()}


def crops_around_boxes() -> tuple[Apply, Apply]:
    import albumentations as A

    from fastload import transforms as T

    boxes = np.array([[200, 180, 260, 250], [240, 200, 330, 300]], dtype=np.float32)
    labels = np.arange(len(boxes))
    ours = T.BBoxSafeRandomCrop()
    theirs = A.Compose([A.BBoxSafeRandomCrop()], bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]))
    return (
        lambda image: ours(image, {"boxes": boxes, "labels": labels}),
        lambda image: theirs(image=image, bboxes=boxes, labels=labels),
    )


def mosaics() -> tuple[Apply, Apply]:
    """Four images of one sample's boxes each in one of their size; each covers its quarter, as cells do there."""
    import albumentations as A

    from fastload import transforms as T

    _, boxes, labels = sample()
    boxes = boxes.clip(0, OUT - 1)
    join = A.Mosaic(target_size=(OUT, OUT), cell_shape=(OUT // 2, OUT // 2), interpolation=AREA, p=1.0)
    theirs = A.Compose([join], bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]))

    def ours(image: Any) -> Any:
        return T.Mosaic([(image, {"boxes": boxes, "labels": labels})], (OUT, OUT))[0]

    def others(image: Any) -> Any:
        more = [{"image": image, "bboxes": boxes, "labels": labels}] * 3
        return theirs(image=image, bboxes=boxes, labels=labels, mosaic_metadata=more)

    return ours, others
