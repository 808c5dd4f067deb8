"""The meaning of flags and labels in labelme files: which shapes and images are not used in a dataset.

`annotate init` offers the image flags good, uncertain and reject; `annotate propose` flags its shapes
unreviewed, or, with a classifier, images.
Labels `__ignore__` and `_background_` are labelme's own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from datasets.formats.category_names import category_name
from datasets.formats.labelme import LabelmeFile, Shape
from datasets.formats.labelme_proposal import is_changed
from system.errors import InputError
from system.files import read_text

T = TypeVar("T")

IGNORE = "__ignore__"
BACKGROUND = "_background_"
NOT_CATEGORIES = frozenset({IGNORE, BACKGROUND})
UNREVIEWED = "unreviewed"
GOOD, UNCERTAIN, REJECT = IMAGE_FLAGS = ("good", "uncertain", "reject")
FLAGS_WITH_A_MEANING = frozenset({*IMAGE_FLAGS, UNREVIEWED})
LABELS_FILE = "labels.txt"


def names_of_set_flags(flags: Mapping[str, bool] | None) -> list[str]:
    """The names of the flags that are set, sorted."""
    return sorted(name for name, is_set in (flags or {}).items() if is_set)


def set_flags(file: LabelmeFile) -> list[str]:
    """The image flags that are set, sorted; without `unreviewed` if a person changed the proposed flags."""
    return reviewed_flags(names_of_set_flags(file.flags), file.record)


def reviewed_flags(flags: list[str], record: object) -> list[str]:
    """`flags`, those that are set, without `unreviewed` if they differ from what the `record` states was proposed.

    A record without this statement, of an older version, changes nothing.
    """
    types = record.get("types") if isinstance(record, dict) else None
    proposed = types.get("flags") if isinstance(types, dict) else None
    if UNREVIEWED not in flags or not isinstance(proposed, list) or flags == sorted(map(str, proposed)):
        return flags
    return [name for name in flags if name != UNREVIEWED]


def is_unreviewed(shape: Shape) -> bool:
    """Whether nobody has reviewed `shape` since it was proposed: the flag is set, and nothing was changed."""
    return bool((shape.flags or {}).get(UNREVIEWED)) and not is_changed(shape)


def count_drawn(shapes: Iterable[tuple[str, bool]]) -> int:
    """The number of shapes, given as (label, is unreviewed), that a person drew or reviewed as a defect.

    An image flagged good must have none.
    """
    return sum(label not in NOT_CATEGORIES and not unreviewed for label, unreviewed in shapes)


def left_out(
    flags: Iterable[str], shapes: Sequence[tuple[str, bool]], *, keep_unreviewed: bool = False
) -> tuple[str, str, str] | None:
    """The place, code and value that state why a conversion leaves an image out, None if it is used.

    `flags` are the names of the flags that are set, `shapes` are (label, is unreviewed). An unreviewed type of an
    image, other than good, never makes it part of a dataset, because nothing of the defect is drawn.
    """
    unreviewed = sum(is_unreviewed for _, is_unreviewed in shapes)
    if REJECT in flags:
        return "$.flags.reject", "rejected", f"{len(shapes)} shapes"
    if GOOD in flags and (drawn := count_drawn(shapes)):
        return "$.flags.good", "flagged-good-with-shape", f"{drawn} shapes"
    if UNREVIEWED in flags and not (keep_unreviewed and GOOD in flags):
        return "$.flags.unreviewed", "unreviewed", "the type of the image"
    if unreviewed and not keep_unreviewed:
        return "$.shapes", "unreviewed", f"{unreviewed} of {len(shapes)}"
    return None


def listed_labels(root: Path) -> set[str]:
    """The labels in the labels.txt that `annotate init` writes into `root`; none if it cannot be read."""
    try:
        return {line.strip() for line in read_text(root / LABELS_FILE).splitlines()} - {""}
    except (OSError, UnicodeDecodeError, InputError):
        return set()


def proposed_types(record: object) -> set[str]:
    """The types that `annotate propose` noted in the `record` of a labelme file, now or before."""
    types = record.get("types") if isinstance(record, dict) else None
    lists = [types.get("names"), types.get("before")] if isinstance(types, dict) else []
    return {name for names in lists if isinstance(names, list) for name in names if isinstance(name, str)}


def undrawn_types(
    flags: Iterable[str], labels: Iterable[str], types: Collection[str], renames: Mapping[str, str] | None = None
) -> tuple[str, str, str] | None:
    """The place, code and value that state why an image without a shape of a defect is not used as good.

    None for images with such a shape and for those without a flag that names a defect type. `flags` are the names
    of the flags that are set, `labels` are those of the shapes, and `types` are the defect types known in the
    folder, before `renames`. Images flagged uncertain are left out anyway, so they give None too.
    """

    def name(label: str) -> str:
        return category_name((renames or {}).get(label, label))

    defects = {name(label) for label in types} - NOT_CATEGORIES
    named = sorted(flag for flag in flags if name(flag) in defects and flag not in FLAGS_WITH_A_MEANING)
    if not named or UNCERTAIN in flags or any(name(label) not in NOT_CATEGORIES for label in labels):
        return None
    return "$.flags", "flagged-type-without-shape", ", ".join(named)


def all_left_out(folder: Path, codes: Iterable[str]) -> InputError:
    """The error of a folder whose labelme files are all left out; `codes` state why, one for each event."""
    counts = Counter(codes)
    reasons = ", ".join(f"{counts[code]} {code}" for code in sorted(counts))
    remedy = "review the images with annotate open and correct their flags, or give --unreviewed keep"
    return InputError(folder, f"every labelme file in this folder is left out ({reasons})", remedy)


def check_label(where: str, label: str) -> None:
    """Raise InputError if the label of the shape at `where` is empty."""
    if not label.strip():
        raise InputError(where, "the label is empty", "name the defect type")


def annotation_key(category: T, group_id: int | None, index: int) -> tuple[T, int | None, int]:
    """The key of the annotation of a shape: shapes of one category and one group are one annotation.

    `index` is the position of the shape, which distinguishes shapes without a group.
    """
    return (category, group_id, index if group_id is None else 0)
