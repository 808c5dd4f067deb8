"""Progress of labelling a folder: images labelled, unreviewed and flagged, shapes of each type."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from datasets.formats.labelme import LabelmeFile
from datasets.formats.labelme_flags import is_unreviewed, set_flags

BAR_CELLS = 20


class TypeStatus(msgspec.Struct, frozen=True, rename={"images": "pictures"}):
    """One label: number of shapes drawn or reviewed by a person, of unreviewed shapes, and of images with any."""

    reviewed: int
    unreviewed: int
    images: int


class Status(msgspec.Struct, frozen=True, rename={"images": "pictures"}):
    """Numbers of images: each is `labelled`, `unreviewed` (has an unreviewed shape) or `unlabelled` (has no file).

    `without_shape` is the number of labelled images without a shape: good images. `flags` counts images by flag.
    """

    images: int
    labelled: int
    without_shape: int
    unreviewed: int
    unlabelled: int
    flags: dict[str, int]
    types: dict[str, TypeStatus]


def make_status(images: int, files: Mapping[str, LabelmeFile], labels: Sequence[str] = ()) -> Status:
    """Count images and shapes; `images` is the number of images, `files` are the labelme files by image name.

    `labels` are listed even if unused.
    """
    unreviewed = sum(any(map(is_unreviewed, file.shapes)) for file in files.values())
    shapes: Counter[tuple[str, bool]] = Counter()
    with_label: Counter[str] = Counter()
    for file in files.values():
        shapes.update((shape.label, is_unreviewed(shape)) for shape in file.shapes)
        with_label.update({shape.label for shape in file.shapes})
    names = [*labels, *sorted({label for label, _ in shapes} - set(labels))]
    return Status(
        images=images,
        labelled=len(files) - unreviewed,
        without_shape=sum(not file.shapes for file in files.values()),
        unreviewed=unreviewed,
        unlabelled=images - len(files),
        flags=dict(sorted(Counter(flag for file in files.values() for flag in set_flags(file)).items())),
        types={name: TypeStatus(shapes[name, False], shapes[name, True], with_label[name]) for name in names},
    )


def bar(done: int, total: int) -> str:
    """A text progress bar with its percentage; empty if `total` is 0."""
    if not total:
        return ""
    cells = BAR_CELLS * done // total
    return f"{'█' * cells}{'░' * (BAR_CELLS - cells)} {100 * done // total:3d} %"


def image_rows(status: Status) -> list[tuple[object, ...]]:
    """Rows of the table of images: state, count, bar."""
    total = status.images
    rows: list[tuple[object, ...]] = [
        ("labelled", status.labelled, bar(status.labelled, total)),
        ("  without a shape", status.without_shape, ""),
        ("unreviewed", status.unreviewed, bar(status.unreviewed, total)),
        ("unlabelled", status.unlabelled, bar(status.unlabelled, total)),
    ]
    return rows + [(f"flagged {flag}", count, "") for flag, count in status.flags.items()]


def type_rows(status: Status) -> list[tuple[object, ...]]:
    """Rows of the table of types: type, images, reviewed, unreviewed, bar of the reviewed part."""
    return [
        (name, t.images, t.reviewed, t.unreviewed, bar(t.reviewed, t.reviewed + t.unreviewed))
        for name, t in status.types.items()
    ]
