"""How far the labelling of a folder is: pictures labelled, unreviewed and flagged, shapes of each type."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from annotate.pictures import Picture
from datasets.formats.labelme import LabelmeFile
from datasets.formats.labelme_flags import is_unreviewed, set_flags

BAR_CELLS = 20


class TypeStatus(msgspec.Struct, frozen=True):
    """Shapes of one label that a person drew or reviewed, those still unreviewed, and pictures that hold any."""

    reviewed: int
    unreviewed: int
    pictures: int


class Status(msgspec.Struct, frozen=True):
    """Every picture is in one of `labelled`, `unreviewed` (a shape to look at) and `unlabelled` (no labelme file).

    `without_shape` of the labelled ones have none: they are good. `flags` counts pictures by image flag.
    """

    pictures: int
    labelled: int
    without_shape: int
    unreviewed: int
    unlabelled: int
    flags: dict[str, int]
    types: dict[str, TypeStatus]


def make_status(
    pictures: Sequence[Picture], files: Mapping[str, LabelmeFile], labels: Sequence[str] = ()
) -> Status:
    """Count; `files` has the labelme file of each labelled picture, `labels` are listed even if unused."""
    waiting = sum(any(map(is_unreviewed, file.shapes)) for file in files.values())
    shapes: Counter[tuple[str, bool]] = Counter()
    holding: Counter[str] = Counter()
    for file in files.values():
        shapes.update((shape.label, is_unreviewed(shape)) for shape in file.shapes)
        holding.update({shape.label for shape in file.shapes})
    names = [*labels, *sorted({label for label, _ in shapes} - set(labels))]
    return Status(
        pictures=len(pictures),
        labelled=len(files) - waiting,
        without_shape=sum(not file.shapes for file in files.values()),
        unreviewed=waiting,
        unlabelled=len(pictures) - len(files),
        flags=dict(sorted(Counter(flag for file in files.values() for flag in set_flags(file)).items())),
        types={name: TypeStatus(shapes[name, False], shapes[name, True], holding[name]) for name in names},
    )


def bar(done: int, total: int) -> str:
    """A progress bar in text, with its percentage; empty where there is nothing to do."""
    if not total:
        return ""
    cells = BAR_CELLS * done // total
    return f"{'█' * cells}{'░' * (BAR_CELLS - cells)} {100 * done // total:3d} %"


def picture_rows(status: Status) -> list[tuple[object, ...]]:
    """Rows of the table of pictures: what, count, bar."""
    total = status.pictures
    rows: list[tuple[object, ...]] = [
        ("labelled", status.labelled, bar(status.labelled, total)),
        ("  of them without a shape", status.without_shape, ""),
        ("unreviewed", status.unreviewed, bar(status.unreviewed, total)),
        ("unlabelled", status.unlabelled, bar(status.unlabelled, total)),
    ]
    return rows + [(f"flagged {flag}", count, "") for flag, count in status.flags.items()]


def type_rows(status: Status) -> list[tuple[object, ...]]:
    """Rows of the table of types: type, pictures, reviewed, unreviewed, bar of what is reviewed."""
    return [
        (name, t.pictures, t.reviewed, t.unreviewed, bar(t.reviewed, t.reviewed + t.unreviewed))
        for name, t in status.types.items()
    ]
