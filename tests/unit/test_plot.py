"""Pictures of samples and batches: what is drawn is found again in the pixels of the picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support import detection_files
from support.painted import painted

from fastload import datasets, plot
from fastload import transforms as T
from fastload._cli import main
from fastload.collate import DetectionCollate, default_collate

BOXES = [(8, 8, 30, 40), (40, 20, 70, 50)]
PIXELS = painted(60, 80, BOXES)
TARGET = {
    "boxes": torch.tensor(BOXES, dtype=torch.float32),
    "labels": torch.tensor([0, 1]),
    "masks": torch.from_numpy(np.stack([(PIXELS[box[1], box[0]] == PIXELS).all(axis=-1) for box in BOXES])),
    "keypoints": torch.tensor([[[15.0, 20, 2]], [[50, 30, 0]]]),
}


plot.show((PIXELS, TARGET))._repr_png_()  # matplotlib keeps its fonts open from the first picture on


def tensor() -> torch.Tensor:
    return torch.from_numpy(PIXELS).permute(2, 0, 1).contiguous()


def drawn(figure: Any) -> Any:
    """(H, W, 3) pixels of the figure."""
    return np.asarray(Image.open(io.BytesIO(figure._repr_png_())).convert("RGB"))


def count(figure: Any) -> int:
    return len(figure.axes)


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


SINGLE = {
    "pil": Image.fromarray(PIXELS),
    "array": PIXELS,
    "tensor": tensor(),
    "float": tensor() / 255,
    "grey": PIXELS[:, :, 0],
    "pair": (tensor(), TARGET),
    "list pair": [tensor(), TARGET],
    "label": (Image.fromarray(PIXELS), 3),
    "dict": {"image": PIXELS, **TARGET},
}


@pytest.mark.parametrize("name", SINGLE)
def test_one_sample_of_any_kind_is_one_image(name: str) -> None:
    figure = plot.show(SINGLE[name])
    assert count(figure) == 1
    image = figure.axes[0].images[0].get_array()
    expected = PIXELS[:, :, 0] if name == "grey" else PIXELS
    assert np.allclose(image, expected / 255, atol=1e-6)


@pytest.mark.parametrize("collate", [DetectionCollate("list"), DetectionCollate("padded"), DetectionCollate("packed")])
def test_each_image_of_a_batch_has_its_own_objects(collate: Any) -> None:
    other = {name: value[:1] for name, value in TARGET.items()}
    figure = plot.show(collate([(tensor(), TARGET), (tensor(), other), (tensor(), TARGET)]))
    assert count(figure) == 3
    assert [len(axes.patches) for axes in figure.axes] == [2, 1, 2]
    assert texts(figure) == ["0", "1", "0", "0", "1"]


def test_images_are_drawn_without_their_padding() -> None:
    small = tensor()[:, :40, :50]
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    few = {name: TARGET[name] for name in empty}
    figure = plot.show(DetectionCollate("padded", pad_images=True)([(small, empty), (tensor(), few)]))
    assert [axes.images[0].get_array().shape[:2] for axes in figure.axes] == [(40, 50), (60, 80)]


def test_lists_of_samples_batches_of_images_and_datasets() -> None:
    assert count(plot.show([(tensor(), 1), (tensor(), 2)])) == 2
    batch = default_collate([(tensor(), 1), (tensor(), 0), (tensor(), 1)])
    figure = plot.show(batch, names=["cat", "dog"])
    assert [axes.get_title() for axes in figure.axes] == ["dog", "cat", "dog"]
    assert count(plot.show(torch.stack([tensor()] * 5))) == 5
    assert count(plot.show([tensor(), tensor()])) == 2
    assert count(plot.show(datasets.ArrayDataset(torch.stack([tensor()] * 20), torch.arange(20)), limit=7)) == 7


def test_the_outline_is_where_the_box_is() -> None:
    """Boxes in another format give the very picture; a box elsewhere gives another."""
    plain = drawn(plot.show((PIXELS, {"boxes": BOXES})))
    sizes = [(left, top, right - left, bottom - top) for left, top, right, bottom in BOXES]
    assert np.array_equal(drawn(plot.show((PIXELS, {"boxes": sizes}), boxes="coco")), plain)
    assert not np.array_equal(drawn(plot.show((PIXELS, {"boxes": [(9, 9, 31, 41), BOXES[1]]}))), plain)
    black = np.zeros((50, 100, 3), dtype=np.uint8)
    picture = drawn(plot.show((black, {"boxes": [(20, 10, 80, 40)]}))).astype(int)
    dark = np.argwhere(picture.sum(axis=-1) < 60)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    coloured = np.argwhere(picture[top:bottom, left:right].max(axis=-1) > 120)
    places = np.concatenate([coloured.min(axis=0), coloured.max(axis=0)]) / ([bottom - top, right - left] * 2)
    assert np.allclose(places, [0.2, 0.2, 0.8, 0.8], atol=0.02)


def test_turned_boxes_masks_points_and_names_are_drawn() -> None:
    figure = plot.show(
        (PIXELS, {**TARGET, "boxes": [[30.0, 30, 20, 10, 30], [50, 30, 10, 10, 0]]}), boxes="cxcywhr", names={0: "cup"}
    )
    assert texts(figure) == ["cup", "1"]
    assert len(figure.axes[0].images) == 2  # the image, and the masks above it
    assert len(figure.axes[0].collections[0].get_offsets()) == 1  # the other point is not to be seen
    assert len(plot.show((PIXELS, TARGET), masks=False).axes[0].images) == 1


def test_masks_lie_on_what_they_are_of() -> None:
    """A black picture, of which one part is covered."""
    masks = np.zeros((1, 50, 100), bool)
    masks[0, 10:40, 20:80] = True
    picture = drawn(plot.show((np.zeros((50, 100, 3), np.uint8), {"masks": masks}))).astype(int)
    inside = np.argwhere(picture.sum(axis=-1) < 700)
    (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0) + 1
    covered = np.argwhere(np.ptp(picture[top:bottom, left:right], axis=-1) > 30)
    places = np.concatenate([covered.min(axis=0), covered.max(axis=0)]) / ([bottom - top, right - left] * 2)
    assert np.allclose(places, [0.2, 0.2, 0.8, 0.8], atol=0.02)


def test_what_the_mean_and_the_deviation_carry_beyond_white_is_white() -> None:
    beyond = torch.tensor([[[-3.0, 0.0, 1.0, 4.0]]])
    assert np.allclose(plot.show(beyond, mean=0.5, std=0.25).axes[0].images[0].get_array(), [[0, 0.5, 0.75, 1]])


def test_normalised_images_are_drawn_as_they_were() -> None:
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.2, 0.3]
    normal = T.Compose([T.ToTensor(), T.Normalize(mean, std)])(Image.fromarray(PIXELS))
    image = plot.show(normal, mean=mean, std=std).axes[0].images[0].get_array()
    assert np.allclose(image, PIXELS / 255, atol=1e-5)
    stretched = plot.show(normal).axes[0].images[0].get_array()
    assert (stretched.min(), stretched.max()) == (0, 1)


def test_means_are_one_for_each_channel_or_one_for_all() -> None:
    grey = torch.full((1, 4, 3), 0.5)  # as wide as there are colours
    for name in ("mean", "std"):
        for image in (grey, grey[0].numpy(), torch.zeros(3, 4, 6)):
            with pytest.raises(ValueError, match=f"{name} must have one number for each of [13] channels, or one for"):
                plot.show(image, **{name: [0.1, 0.2, 0.3, 0.4] if len(image) == 3 else [0.1, 0.2, 0.3]})
    shown = plot.show(grey, mean=[0.1], std=0.4).axes[0].images[0].get_array()
    assert np.allclose(shown, 0.3)


def test_a_file_is_written(tmp_path: Path) -> None:
    plot.show((PIXELS, TARGET), tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.size[0] > 200


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(TypeError, match="no image in a int"):
        plot.show(3)
    with pytest.raises(TypeError, match="must have an image under"):
        plot.show({"boxes": []})
    with pytest.raises(ValueError, match="x1 <= x2"):
        plot.show((PIXELS, {"boxes": [(5, 5, 1, 1)]}))
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        plot.show(np.zeros((4, 4, 7)))
    with pytest.raises(ValueError, match="no sample"):
        plot.show([])
    with pytest.raises(ValueError, match="limit"):
        plot.show(PIXELS, limit=0)


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo", "folder"])
def test_the_command_draws_every_kind_of_dataset(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "coco":
        root, file = detection_files.coco(tmp_path)
        place = [str(file), "--root", str(root)]
    elif kind == "folder":
        detection_files.save_images(tmp_path / "data" / "cats")
        place = [str(tmp_path / "data")]
    else:
        place = [str(getattr(detection_files, kind)(tmp_path))]
    pictures = []
    for options in ([], ["--seed", "1"], ["--transforms", "none"], ["-n", "2"]):
        picture = tmp_path / "picture.png"
        assert main(["show", *place, "-o", str(picture), *options]) == 0
        assert "samples" in capsys.readouterr().out
        pictures.append(picture.read_bytes())
    assert len(set(pictures)) == 4


def test_the_command_takes_datasets_and_transforms_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "of_mine.py").write_text(
        "import numpy as np; from fastload import transforms as T\n"
        "def made(): return [(np.full((20, 30, 3), 9 * n, np.uint8), {'boxes': [[2, 3, 9, 9]]}) for n in range(6)]\n"
        "flip = T.RandomHorizontalFlip(1.0)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    assert main(["show", "of_mine:made"]) == 0
    assert capsys.readouterr().out == "fastload-show.png: 6 of 6 samples\n"
    assert main(["show", "of_mine:made", "--transforms", "of_mine:flip", "-o", "flipped.png"]) == 0
    assert Path("flipped.png").read_bytes() != Path("fastload-show.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no file or folder"),
        (["nowhere.yaml"], "there is no file or folder"),
        (["a.jpg"], "a.jpg' is no data set. DATASET is a folder"),
        (["coco.JSON"], "coco.JSON"),  # read as what it is called
        ([".", "--seed", "9" * 24], "--seed must be a number of 64 bits, got 999"),
        (["no_module:x"], "No module named"),
        ([".", "-n", "0"], "--count must be 1 or more"),
        ([".", "--transforms", "colourful"], "must be MODULE:NAME"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").touch()
    Path("coco.JSON").write_text("no JSON")
    with pytest.raises(SystemExit) as ended:
        main(["show", *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["list", "padded", "packed"])
@pytest.mark.parametrize("counts", [(1, 2), (0, 2), (2, 1), (1, 1)])
def test_padded_batches_with_masks_are_drawn_without_their_padding(mode: str, counts: tuple[int, int]) -> None:
    samples = []
    for number, (image, count) in enumerate(zip((tensor()[:, :50, :70], tensor()), counts, strict=True)):
        target = {name: value[:count] for name, value in TARGET.items() if name != "keypoints"}
        target["masks"] = target["masks"][:, : image.shape[1], : image.shape[2]]
        samples.append((image, {**target, "segmentation_mask": target["masks"].sum(dim=0), "image_id": number}))
    figure = plot.show(DetectionCollate(mode, pad_images=True)(samples))
    for axes, (image, target) in zip(figure.axes, samples, strict=True):
        picture, shade = (drawn.get_array() for drawn in axes.images)
        assert np.allclose(picture, image.permute(1, 2, 0) / 255, atol=1e-6)
        assert np.array_equal(shade[..., 3] > 0, target["segmentation_mask"] > 0)
        assert len(axes.patches) == len(target["boxes"])
    assert texts(figure) == [str(label) for _, target in samples for label in target["labels"].tolist()]


@pytest.mark.parametrize("name", ["a$b_{$", "$x$", "100 \\$ $"])
def test_names_are_drawn_as_they_are_written(name: str) -> None:
    """Not as formulas, and without an error."""
    drawn(plot.show((PIXELS, {**TARGET, "labels": [name, name]})))
    plain = drawn(plot.show((PIXELS, name)))
    assert not np.array_equal(plain, drawn(plot.show((PIXELS, name.replace("$", "")))))


@pytest.mark.parametrize("samples", ["abc", b"abc", ["abc", "de"]])
def test_text_holds_no_image(samples: Any) -> None:
    with pytest.raises(TypeError, match=r"no image in a (str|bytes)"):
        plot.show(samples)


def shade_of(target: dict[str, Any]) -> Any:
    """(H, W, 4) what is laid over the image."""
    return plot.show((PIXELS, target)).axes[0].images[1].get_array()


@pytest.mark.parametrize("name", ["mask", "segmentation_mask", "masks"])
@pytest.mark.parametrize("classes", [[1, 2], [3, 15], [*range(1, 21), 255], list(range(1, 256))])
@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_each_class_of_a_map_has_its_own_colour(name: str, classes: list[int], kind: torch.dtype) -> None:
    """A map of an image's classes, as segmentation has it, in which 0 is the background."""
    plane = torch.tensor([0, *classes], dtype=kind)[torch.arange(60 * 80).reshape(60, 80) % (len(classes) + 1)]
    shade = shade_of({name: plane})
    colours = {number: np.unique(shade[plane == number], axis=0) for number in [0, *classes]}
    assert all(len(found) == 1 for found in colours.values())
    assert colours.pop(0)[0, 3] == 0
    assert all(found[0, 3] > 0 for found in colours.values())
    assert len({tuple(found[0]) for found in colours.values()}) == len(classes)


def test_a_class_has_the_same_colour_in_every_image() -> None:
    first, second = np.zeros((60, 80), np.uint8), np.zeros((60, 80), np.uint8)
    first[:9], first[20:30], second[40:] = 4, 15, 15
    for name in ("mask", "masks"):
        assert np.array_equal(shade_of({name: first})[25, 5], shade_of({name: second})[45, 5])
        assert np.array_equal(shade_of({name: first[None]})[25, 5], shade_of({name: second[None]})[45, 5])


def test_each_object_has_its_own_colour() -> None:
    shade = shade_of(TARGET)
    colours = [np.unique(shade[mask], axis=0) for mask in TARGET["masks"].numpy()]
    assert [len(found) for found in colours] == [1, 1]
    assert not np.array_equal(*colours)
    for masks in (TARGET["masks"].float(), TARGET["masks"].to(torch.uint8) * 255):
        assert np.array_equal(shade_of({**TARGET, "masks": masks}), shade)
        assert np.array_equal(shade_of({"masks": masks}), shade)


@pytest.mark.parametrize("angle", [0, 30, 90, -50])
def test_a_turned_box_is_drawn_turned(angle: float) -> None:
    """Clockwise on the screen, where y points down, about its middle."""
    x, y, width, height = 40.0, 30.0, 30.0, 12.0
    figure = plot.show((PIXELS, {"boxes": [[x, y, width, height, angle]]}), boxes="cxcywhr")
    turn = np.deg2rad(angle)
    across, down = (
        np.array([np.cos(turn), np.sin(turn)]) * width / 2,
        np.array([-np.sin(turn), np.cos(turn)]) * height / 2,
    )
    expected = np.add([-across - down, across - down, across + down, -across + down], [x, y])
    assert np.allclose(figure.axes[0].patches[0].get_xy()[:4], expected, atol=1e-6)


def test_the_outline_of_a_turned_box_is_in_the_picture() -> None:
    """A square on its corner: its lowest pixels are in the middle, those at the right are half way down."""
    black = np.zeros((100, 100, 3), dtype=np.uint8)
    picture = drawn(plot.show((black, {"boxes": [[50, 50, 42.4, 42.4, 45]]}), boxes="cxcywhr")).astype(int)
    dark = np.argwhere(picture.sum(axis=-1) < 60)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    inner = np.argwhere(picture[top:bottom, left:right].max(axis=-1) > 120) / [bottom - top, right - left]
    for axis in (0, 1):
        last = inner[inner[:, axis] == inner[:, axis].max()]
        assert np.allclose(last[:, axis], 0.8, atol=0.02)
        assert np.allclose(last[:, 1 - axis], 0.5, atol=0.02)
