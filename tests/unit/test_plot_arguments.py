"""Arguments of `plot.show` that are none, samples that cannot be drawn, and how the picture is divided."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import torch

from fastload import plot
from fastload._cli import main
from fastload.datasets import ImageList
from fastload.io import DecodeError
from fastload.transforms import ToTensor

plot.show((np.zeros((9, 9), np.uint8), "a"))._repr_png_()  # matplotlib keeps its fonts open from the first picture on
GREY = np.zeros((8, 9), np.uint8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": 5}, "to must be the name of a file, or a file to write to, got 5"),
        ({"to": ""}, "to must be the name of a file, and no folder's; got ''"),
        ({"to": "/"}, "to must be the name of a file, and no folder's; got '/'"),
        ({"to": "/tmp"}, "to must be the name of a file, and no folder's; got '/tmp'"),
        ({"limit": "a"}, "limit must be a whole number, 1 or more, got 'a'"),
        ({"limit": 1.5}, "limit must be a whole number, 1 or more, got 1.5"),
        ({"limit": None}, "limit must be a whole number, 1 or more, got None"),
        ({"limit": 0}, "limit must be a whole number, 1 or more, got 0"),
        ({"columns": "a"}, "columns must be a whole number, 1 or more, or None, got 'a'"),
        ({"columns": 0}, "columns must be a whole number, 1 or more, or None, got 0"),
        ({"names": 5}, "names must be a sequence or a dict of names by number, got 5"),
        ({"names": "cat"}, "names must be a sequence or a dict of names by number, got 'cat'"),
        ({"mean": "abc"}, "mean must have one number for each of 1 channels, or one for all, got abc"),
        ({"std": [None]}, "std must have one number for each of 1 channels, or one for all, got [None]"),
        ({"mean": {}}, "mean must have one number for each of 1 channels, or one for all, got {}"),
    ],
)
def test_what_an_argument_must_be_is_said(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        plot.show([(GREY, 1)] * 2, **options)


def test_arguments_may_be_numbers_of_numpy_and_files_that_are_open() -> None:
    file = io.BytesIO()
    figure = plot.show(
        [(GREY, 1)] * 5, file, limit=np.int64(4), columns=np.int64(1), mean=np.array([0.5]), names=np.array(["a", "b"])
    )
    assert [axes.get_title() for axes in figure.axes] == ["b"] * 4
    assert file.getvalue().startswith(b"\x89PNG")


BAD: dict[str, tuple[Any, type[Exception]]] = {
    "box 0 of 1 is": ((GREY, {"boxes": [[1, 2, float("nan"), 4]]}), ValueError),
    "a mask must be": ((GREY, {"masks": np.zeros((1, 3, 3), np.uint8)}), ValueError),
    "an image must have at least one pixel": ((np.zeros((0, 4), np.uint8), 1), ValueError),
    "1, 3 or 4 channels": ((np.zeros((4, 4, 7), np.uint8), 1), ValueError),
    "there is no image in a str": ("abc", TypeError),
    "a dict must have an image": ({"boxes": []}, TypeError),
}


@pytest.mark.parametrize("message", BAD)
def test_the_sample_that_cannot_be_drawn_is_named(message: str) -> None:
    sample, kind = BAD[message]
    for number in (0, 1, 3):
        samples = [(GREY, 1)] * 4
        samples[number] = sample
        with pytest.raises(kind, match=f"^sample {number}: .*{message}"):
            plot.show(samples)


def test_an_error_of_a_kind_of_its_own_stays_of_that_kind(tmp_path: Any) -> None:
    """Whoever catches it knows more of it than a number: of an image that cannot be read, the file."""
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(DecodeError, match=r"a\.png"):
        plot.show(ImageList([tmp_path / "a.png"], transform=ToTensor()))


def test_the_command_names_the_sample_by_its_number_in_the_data_set(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "with_a_bad_box.py").write_text(
        "import numpy as np\n"
        "samples = [(np.zeros((8, 8), np.uint8), {'boxes': [[1, 1, 4, 4 if n != 7 else -4]]}) for n in range(12)]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    with pytest.raises(SystemExit):
        main(["show", "with_a_bad_box:samples", "-n", "12", "--seed", "2"])
    assert "sample 7: box 0 of 1 is" in capsys.readouterr().err


def test_a_tall_image_makes_its_own_row_tall_and_no_other() -> None:
    wide, tall = np.zeros((30, 60), np.uint8), np.zeros((150, 50), np.uint8)
    samples = [wide] * 16
    samples[5] = tall
    figure = plot.show(samples)
    figure.draw_without_rendering()
    inches = [axes.get_position().height * figure.get_figheight() for axes in figure.axes]
    widths = [axes.get_position().width * figure.get_figwidth() for axes in figure.axes]
    assert inches[5] == pytest.approx(3 * widths[5], rel=0.05)
    for number in (0, 3, 8, 15):
        assert inches[number] == pytest.approx(widths[number] / 2, rel=0.05)
        assert widths[number] > 0.9 * figure.get_figwidth() / 4
    # Three rows of half a cell each, and one of three.
    assert figure.get_figheight() == pytest.approx(figure.get_figwidth() / 4 * 4.5, rel=0.1)


@pytest.mark.parametrize("visibility", [0, 1, 2])
def test_key_points_that_are_labelled_but_hidden_are_drawn(visibility: int) -> None:
    """COCO's 1: not visible, and yet there; 0 is nowhere."""
    points = torch.tensor([[[1.0, 2, 2], [3, 4, visibility]]])
    axes = plot.show((GREY, {"keypoints": points})).axes[0]
    assert len(axes.collections[0].get_offsets()) == (2 if visibility else 1)
