"""The data.yaml of YOLO's tools: where a part's images are, and what the classes are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastload.datasets._coco_file import short
from fastload.datasets._yolo_files import Part, images_in, images_of_list, together


def described(file: Path, split: str) -> tuple[Part, list[str], int | None]:
    """(the split's images, in the order of their names; the names of the classes; how many there are, if it is said).

    Raises ValueError with the file and the key for what is not as YOLO's tools have it, FileNotFoundError for a folder
    or a list that is not there, or without images.
    """
    content = _read(file)
    names = _names(file, content.get("names"))
    count = content.get("nc")
    if count is not None and type(count) is not int:
        raise ValueError(f"{file}: 'nc' must be a whole number, got {short(count)}")
    if count is not None and names and count != len(names):
        raise ValueError(f"{file}: 'nc' is {count}, and 'names' has {len(names)}")
    if content.get("kpt_shape") is not None:
        raise ValueError(f"{file}: 'kpt_shape' says that its lines have key points behind the box, which are not read")
    return _images(file, content, split), names, len(names) or count


def _read(file: Path) -> dict[Any, Any]:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError("a data.yaml file needs PyYAML: pip install pyyaml, or pass the folder itself") from error
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # dates that are none are ValueErrors
        raise ValueError(f"{file} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} must be a mapping with the keys path, train, val and names, got {short(content)}")
    return content


def _images(file: Path, content: dict[Any, Any], split: str) -> Part:
    if split not in content:
        raise ValueError(f"{file} has no key {split!r}, only {', '.join(map(repr, content)) or 'nothing at all'}")
    path, parts = content.get("path"), content[split]
    if path is not None and not isinstance(path, str):
        raise ValueError(f"{file}: 'path' must be the name of a folder, or left out, got {short(path)}")
    named = parts if isinstance(parts, list) else [parts]
    if not named or not all(isinstance(part, str) for part in named):
        wanted = "the name of a folder or of a file that lists images, or a list of such names"
        raise ValueError(f"{file}: {split!r} must be {wanted}, got {short(parts)}")
    base = file.parent / (path or "")
    return together([_images_of_part(base, part, f"{file}: {split!r} is {part!r}") for part in named])


def _images_of_part(base: Path, part: str, where: str) -> Part:
    # Some tools write ../train/images for what is beside the file, and YOLO's own take it so.
    for place in (base / part, base / part.removeprefix("../")):
        if place.is_dir() or place.is_file():
            found = images_in(place) if place.is_dir() else images_of_list(place, base)
            if not found.images:
                raise FileNotFoundError(f"{where}, and there is no image in {place}")
            return found
    raise FileNotFoundError(f"{where}, and there is no folder or file {base / part}")


def _names(file: Path, names: Any) -> list[str]:
    if names is None:
        return []
    if isinstance(names, dict):
        numbers = {int(key): key for key in names if str(key).isdecimal()}
        if sorted(numbers) != list(range(len(names))):
            wanted = f"the numbers 0 to {len(names) - 1}"
            raise ValueError(f"{file}: 'names' must have {wanted}, got {', '.join(map(_shown, names))}")
        names = [names[numbers[number]] for number in range(len(names))]
    if not isinstance(names, list):
        raise ValueError(f"{file}: 'names' must be a list of texts, or texts by number, got {short(names)}")
    for number, name in enumerate(names):
        if not isinstance(name, str | int | float) or isinstance(name, bool):
            hint = ": put it in quotes" if isinstance(name, bool) else ""
            raise ValueError(f"{file}: 'names': class {number} must be a text, got {short(name)}{hint}")
    return [str(name) for name in names]


def _shown(key: Any) -> str:
    return str(key) if str(key).isdecimal() else short(key)
