"""COCO's file of annotations: each entry is in its place, or the error says which is not.

What the entries hold is looked at when a sample is made of them: a file has a million.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from fastload.datasets._json import collector_paused, parsed
from fastload.datasets._shared_list import SharedList

MOST_PIXELS = 2**31 - 1  # along a side

Entry = dict[str, Any]


class CocoFile(NamedTuple):
    categories: dict[Any, Entry]  # by id
    images: dict[Any, Entry]  # by id, in the order of their ids
    annotations: SharedList[list[Entry]]  # of each image, in the file's order


def read(path: str) -> CocoFile:
    """The file, checked as far as the places of its entries go. Files of images alone have no annotations."""
    with collector_paused():
        content = _content(path)
        images = _images(path, content["images"])
        return CocoFile(
            _categories(path, content.get("categories", [])),
            images,
            _by_image(path, content.get("annotations", []), images),
        )


def _content(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        raw = file.read()
    content: dict[str, Any]
    try:
        content = parsed(raw)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    except RecursionError as error:
        raise _too_deep(path) from error
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ValueError(f"{path} is not COCO's: it must be an object with the list images")
    if any(type(entry.get("id")) is float for entry in content["images"] if isinstance(entry, dict)):
        content = json.loads(raw)  # they may have been whole numbers of more than 64 bits, of which each counts
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


def _by_image(path: str, annotations: list[Any], images: dict[Any, Entry]) -> SharedList[list[Entry]]:
    """The annotations of each image, in the file's order."""
    lists: dict[Any, list[Entry]] = {number: [] for number in images}
    try:
        for entry in annotations:
            lists[entry.get("image_id")].append(entry)
    except (AttributeError, KeyError, TypeError) as error:  # no object, no such image, or no value that could be an id
        number = sum(map(len, lists.values()))  # all before it are in their lists
        raise _misplaced(path, number, annotations[number]) from error
    try:
        return SharedList(lists.values())
    except RecursionError as error:
        raise _too_deep(path) from error


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
    for name in ("height", "width"):
        side = entry.get(name)
        if side is None:
            continue
        if not _is_whole(side) or not 0 <= side <= MOST_PIXELS:
            return f': "{name}" must be a whole number of pixels, or left out, got {short(side)}'
    return ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _misplaced(path: str, number: int, entry: Any) -> ValueError:
    if not isinstance(entry, dict):
        return ValueError(f"{path}: annotations[{number}] must be an object, got {short(entry)}")
    image = short(entry.get("image_id"))
    return ValueError(f"{path}: {named('annotations', number, entry)} is of image {image}, which is not there")


def _too_deep(path: str) -> ValueError:
    return ValueError(f"{path} is nested too deep to be COCO's")
