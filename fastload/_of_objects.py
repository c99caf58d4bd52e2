"""What of the targets of samples belongs to their objects, and what to the whole image: one rule wherever they meet.

Boxes, stacks of masks and of key points, and values whose names are known (`OF_THE_OBJECTS`) have an entry for each
object. Any other value may have as many entries by chance: who knows the data can tell, and names it in ``fields``. To
guess where the numbers of a few samples make it likely would end a training at the first batch where they do not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fastload._target_names import BOX_NAMES, KEYPOINT_NAMES, MASK_NAMES, OF_THE_IMAGE, OF_THE_OBJECTS, tv_name

_STACKS = ("masks", *KEYPOINT_NAMES)


def names_of_objects(
    targets: Sequence[Mapping[Any, Any]], counts: Sequence[int], fields: Sequence[str] | None = None
) -> tuple[set[Any], set[Any]]:
    """(of objects, by number): the names of what has an entry for each object, and of others with as many all the same.

    targets: with the same names. counts: how many objects each has. fields: the names of all that is of objects, beside
    boxes, masks and key points; then there are no others. A known name counts whether or not it has as many entries.
    """
    of_objects, by_number = set[Any](), set[Any]()
    for name in targets[0]:
        values = [target[name] for target in targets]
        lengths = [length_of(name, value) for value in values]
        if is_known(name, values, fields):
            if -1 not in lengths:
                of_objects.add(name)
        elif fields is None and name not in OF_THE_IMAGE and lengths == list(counts):
            by_number.add(name)
    return of_objects, by_number


def is_known(name: Any, values: Sequence[Any], fields: Sequence[str] | None) -> bool:
    """Whether values of that name are of objects, whatever their lengths are."""
    if name in (OF_THE_OBJECTS if fields is None else fields) or name in BOX_NAMES:
        return True
    if all(tv_name(value) == "BoundingBoxes" for value in values):
        return True
    return name in _STACKS and all(axes_of(value) >= 3 or _is_empty(value) for value in values)


def refuse_doubt(in_doubt: Collection[Any], of_objects: Collection[Any], advice: str = "fields={}") -> None:
    """ValueError if there is any doubt; advice: how the fields are to be named."""
    if not in_doubt:
        return
    name = min(map(str, in_doubt))
    known = sorted(str(one) for one in of_objects if one not in (*BOX_NAMES, *_STACKS))
    raise ValueError(
        f"{name!r} has as many entries as there are objects, which a value of the image may have by chance: nothing "
        f"here tells one from the other. Name it in fields= if it is of the objects, {advice.format([*known, name])}; "
        f"if it is not, name all that is: {advice.format(known)}"
    )


def is_mask(name: Any, value: Any) -> bool:
    """Whether these are masks: by their name, or because torchvision says so."""
    return name in MASK_NAMES or tv_name(value) == "Mask"


def length_of(name: Any, value: Any) -> int:
    """How many entries a value has; -1 for what has none, such as a number, a text, or the mask of a whole image."""
    if hasattr(value, "ndim"):
        is_whole = value.ndim == 0 or (value.ndim < 3 and is_mask(name, value) and not _is_empty(value))
        return -1 if is_whole else int(value.shape[0])
    return len(value) if has_entries(value) else -1


def has_entries(value: Any) -> bool:
    """Whether this is a sequence of entries: text is none, and a named tuple is none but a record of one thing."""
    if isinstance(value, list | tuple):
        return not hasattr(value, "_fields")
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def axes_of(value: Any) -> int:
    """How many axes an array has, or a list of lists would have as one."""
    if isinstance(value, list | tuple):
        return 1 + (axes_of(value[0]) if value else 0)
    return getattr(value, "ndim", 2 if hasattr(value, "getbands") else 0)


def _is_empty(value: Any) -> bool:
    """Whether a list or an array has no entries, which says nothing of the axes of one."""
    return not value if isinstance(value, list | tuple) else getattr(value, "shape", (1,))[:1] == (0,)
