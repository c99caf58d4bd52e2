"""The data.yaml of YOLO's tools: where a part's images are, and what the classes are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastload.datasets._coco_file import short


def described(file: Path, split: str) -> tuple[Path, list[str]]:
    """(the folder of the split's images, the names of the classes).

    Raises ValueError with the file and the key for what is not as YOLO's tools have it, FileNotFoundError for a folder
    that is not there.
    """
    content = _read(file)
    names = _names(file, content.get("names"))
    count = content.get("nc")
    if count is not None and type(count) is not int:
        raise ValueError(f"{file}: 'nc' must be a whole number, got {short(count)}")
    if count is not None and names and count != len(names):
        raise ValueError(f"{file}: 'nc' is {count}, and 'names' has {len(names)}")
    return _folder(file, content, split), names


def _read(file: Path) -> dict[Any, Any]:
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError("a data.yaml file needs PyYAML: pip install pyyaml, or pass the folder itself") from error
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # dates that are none are ValueErrors
        raise ValueError(f"{file} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} must be a mapping with the keys path, train, val and names, got {short(content)}")
    return content


def _folder(file: Path, content: dict[Any, Any], split: str) -> Path:
    if split not in content:
        raise ValueError(f"{file} has no key {split!r}, only {', '.join(map(repr, content)) or 'nothing at all'}")
    path, part = content.get("path"), content[split]
    if path is not None and not isinstance(path, str):
        raise ValueError(f"{file}: 'path' must be the name of a folder, or left out, got {short(path)}")
    if not isinstance(part, str):
        raise ValueError(f"{file}: {split!r} must be the name of a folder, got {short(part)}")
    base = file.parent / (path or "")
    # Some tools write ../train/images for what is beside the file, and YOLO's own take it so.
    for folder in (base / part, base / part.removeprefix("../")):
        if folder.is_dir():
            return folder
    if (base / part).is_file():
        raise FileNotFoundError(f"{file}: {split!r} is {part!r}, which is a file: lists of images are not read")
    raise FileNotFoundError(f"{file}: {split!r} is {part!r}, and there is no folder {base / part}")


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
