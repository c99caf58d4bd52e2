"""COCO's file of annotations: each entry is in its place, or the error says which is not.

What annotations hold is looked at when a sample is made of them: a file has a million. Until then they stay JSON.
"""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterator
from typing import Any, NamedTuple, TypedDict

from fastload.datasets import _json
from fastload.datasets._shared_list import SharedList

MOST_PIXELS = 2**31 - 1  # along a side

Entry = dict[str, Any]


class CocoFile(NamedTuple):
    categories: dict[Any, Entry]  # by id
    images: dict[Any, Entry]  # by id, in the order of their ids
    annotations: SharedList[bytes]  # JSON of the list of each image's, in the file's order


def read(path: str) -> CocoFile:
    """The file, checked as far as the places of its entries go. Files of images alone have no annotations."""
    try:
        with _json.collector_paused():
            content = _content(path)
            images = _images(path, content["images"])
            return CocoFile(
                _categories(path, content.get("categories", [])),
                images,
                _by_image(path, content.get("annotations", []), images),
            )
    except RecursionError as error:
        raise _too_deep(path) from error


def value(text: bytes, where: str) -> Any:
    """The value of JSON that the file was left as; ``where`` names it for errors."""
    try:
        return _read_value(text)
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:  # such as a number of more digits than Python reads
        raise ValueError(f"{where} cannot be read: {error}") from error


class _Content(TypedDict, total=False):
    images: list[Any]
    categories: list[Any]
    annotations: list[_json.Raw]


class _Place(TypedDict, total=False):
    image_id: Any


def _content_by_standard(text: bytes) -> Any:
    """As _Content has it, if the file is like that."""
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        content["annotations"] = [json.dumps(entry).encode() for entry in content["annotations"]]
    return content


_read_content = _json.reader(_Content, _content_by_standard)
_read_place = _json.reader(_Place)
_read_value = _json.reader(Any)


def _content(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        text = file.read()
    content: dict[str, Any]
    try:
        content = _read_content(text) if _json.is_utf8(text) else _content_by_standard(text)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ValueError(f"{path} is not COCO's: it must be an object with the list images")
    for name in ("annotations", "categories"):
        if not isinstance(content.get(name, []), list):
            raise ValueError(f"{path}: {name} must be a list, or left out, got {short(content[name])}")
    return content


def _categories(path: str, entries: list[Any]) -> dict[Any, Entry]:
    categories: dict[Any, Entry] = {}
    for number, entry in _with_ids(path, "categories", entries):
        other = categories.setdefault(entry["id"], entry)
        if other != entry:  # pycocotools would call all of them by the name of the last
            where = f"{path}: {named('categories', number, entry)}"
            raise ValueError(f"{where}: another category has this id: {short(other)}")
    return categories


def _images(path: str, entries: list[Any]) -> dict[Any, Entry]:
    """The images by id, in the order of their ids."""
    images: dict[Any, Entry] = {}
    are_texts = None
    for number, entry in _with_ids(path, "images", entries):
        is_text = isinstance(entry["id"], str)
        are_texts = is_text if are_texts is None else are_texts
        fault = _fault_of_image(entry, images, is_text != are_texts)
        if fault:
            raise ValueError(f"{path}: {named('images', number, entry)}{fault}")
        images[entry["id"]] = entry
    return dict(sorted(images.items()))


def _by_image(path: str, annotations: list[bytes], images: dict[Any, Entry]) -> SharedList[bytes]:
    """JSON of the list of each image's annotations, in the file's order."""
    lists: dict[Any, list[bytes]] = {number: [] for number in images}
    try:
        for text in annotations:
            lists[_read_place(text).get("image_id")].append(text)
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # no object, no such image, or nothing like an id
        number = sum(map(len, lists.values()))  # all before it are in their lists
        raise _misplaced(path, number, value(annotations[number], f"{path}: annotations[{number}]")) from error
    return SharedList(b"[" + b",".join(texts) + b"]" for texts in lists.values())


def keypoint_count(path: str, file: CocoFile) -> int:
    """How many key points an object has: the most that a category names, or else that an annotation has."""
    names = [_names_of_points(path, category) for category in file.categories.values()]
    return max(map(len, names), default=0) or max((_points_of(text) for text in file.annotations), default=0)


def _names_of_points(path: str, category: Entry) -> list[Any]:
    names = category.get("keypoints")
    if not isinstance(names, list | None):
        where = f"{path}: category {short(category['id'])}"
        raise ValueError(f'{where}: "keypoints" must be a list of names, or left out, got {short(names)}')
    return names or []


def _points_of(text: bytes) -> int:
    """The most key points of an annotation of one image; what is wrong with them is for its sample to say."""
    try:
        points = [entry.get("keypoints") for entry in _read_value(text)]
    except (RecursionError, ValueError):
        return 0
    return max((len(numbers) // 3 for numbers in points if isinstance(numbers, list)), default=0)


def named(kind: str, number: int, entry: Entry) -> str:
    known = f" (id {short(entry['id'])})" if "id" in entry else ""
    return f"{kind}[{number}]{known}"


def short(value: Any) -> str:
    """The value for a message, which a list of a thousand numbers would make unreadable."""
    shown = reprlib.Repr()
    shown.maxlist = shown.maxdict = 8
    return shown.repr(value)


def _with_ids(path: str, kind: str, entries: list[Any]) -> Iterator[tuple[int, Entry]]:
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError(f"{path}: {kind}[{number}] must be an object, got {short(entry)}")
        if not _is_whole(entry.get("id")) and not isinstance(entry.get("id"), str):
            got = short(entry.get("id"))
            raise ValueError(f'{path}: {kind}[{number}]: "id" must be a whole number or a text, got {got}')
        yield number, entry


def _fault_of_image(entry: Entry, images: dict[Any, Entry], is_other_kind: bool) -> str:
    if is_other_kind:
        return f": ids must be all numbers or all texts, got {short(entry['id'])}"
    if entry["id"] in images:
        return ": two images have this id, of which each must have its own"
    if not isinstance(entry.get("file_name"), str):
        return f': "file_name" must be a text, got {short(entry.get("file_name"))}'
    if not _is_name(entry["file_name"]):
        return f': "file_name" must be one that a file can have, got {short(entry["file_name"])}'
    for name in ("height", "width"):
        side = entry.get(name)
        if side is None:
            continue
        if not _is_whole(side) or not 0 <= side <= MOST_PIXELS:
            return f': "{name}" must be a whole number of pixels, or left out, got {short(side)}'
    return ""


def _is_name(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _misplaced(path: str, number: int, entry: Any) -> ValueError:
    if not isinstance(entry, dict):
        return ValueError(f"{path}: annotations[{number}] must be an object, got {short(entry)}")
    image = short(entry.get("image_id"))
    return ValueError(f"{path}: {named('annotations', number, entry)} is of image {image}, which is not there")


def _too_deep(path: str) -> ValueError:
    return ValueError(f"{path} is nested too deep to be COCO's")
