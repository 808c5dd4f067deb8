"""The meaning of flags and labels in labelme files: which shapes and images are not used in a dataset.

`annotate init` offers the image flags good, uncertain and reject; `annotate propose` flags its shapes unreviewed.
Labels `__ignore__` and `_background_` are labelme's own.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from datasets.formats.labelme import LabelmeFile, Shape
from system.errors import InputError

T = TypeVar("T")

IGNORE = "__ignore__"
BACKGROUND = "_background_"
NOT_CATEGORIES = frozenset({IGNORE, BACKGROUND})
UNREVIEWED = "unreviewed"
GOOD, UNCERTAIN, REJECT = IMAGE_FLAGS = ("good", "uncertain", "reject")


def names_of_set_flags(flags: Mapping[str, bool] | None) -> list[str]:
    """The names of the flags that are set, sorted."""
    return sorted(name for name, is_set in (flags or {}).items() if is_set)


def set_flags(file: LabelmeFile) -> list[str]:
    """The image flags that are set, sorted."""
    return names_of_set_flags(file.flags)


def is_unreviewed(shape: Shape) -> bool:
    """Whether nobody has reviewed `shape` since it was proposed."""
    return bool((shape.flags or {}).get(UNREVIEWED))


def count_drawn(shapes: Iterable[tuple[str, bool]]) -> int:
    """The number of shapes, given as (label, is unreviewed), that a person drew or reviewed as a defect.

    An image flagged good must have none.
    """
    return sum(label not in NOT_CATEGORIES and not unreviewed for label, unreviewed in shapes)


def check_label(where: str, label: str) -> None:
    """Raise InputError if the label of the shape at `where` is empty."""
    if not label.strip():
        raise InputError(where, "the label is empty", "name the defect type")


def annotation_key(category: T, group_id: int | None, index: int) -> tuple[T, int | None, int]:
    """The key of the annotation of a shape: shapes of one category and one group are one annotation.

    `index` is the position of the shape, which distinguishes shapes without a group.
    """
    return (category, group_id, index if group_id is None else 0)
