"""A pasted image: its order, pixels, annotations and sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Annotation, Image
from datasets.paste.place import Move

Reason = Literal["crowd or no mask", "no place"]


class Origin(msgspec.Struct, frozen=True):
    """The source of a pasted annotation, and the 2 x 3 map from source pixels to new pixels, row by row."""

    annotation: int
    source: str
    source_annotation: int
    move: Move
    matrix: tuple[float, ...]


class LeftOut(msgspec.Struct, frozen=True):
    """An annotation of the source that the pasted image does not show."""

    source: str
    source_annotation: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Pasted:
    """A new image: its pixels (H x W x 3 uint8 RGB), its annotations and its sources.

    `touched` (H x W bool) marks masks and seams; all other pixels are those of the image `canvas`, a file name.
    """

    image: Image
    rgb: NDArray[np.uint8]
    annotations: list[Annotation]
    touched: NDArray[np.bool_]
    canvas: str
    origins: list[Origin]
    left_out: list[LeftOut]


class PasteOrder(msgspec.Struct, frozen=True):
    """New image `number` (from 0), of a category; `before` images of the category are made before it."""

    number: int
    category: int
    before: int


def renumbered(
    annotations: Sequence[Annotation], origins: Sequence[Origin], first: int
) -> tuple[list[Annotation], list[Origin]]:
    """Annotations that are numbered from 1, and their sources, numbered from `first`."""
    return (
        [msgspec.structs.replace(a, id=a.id + first - 1) for a in annotations],
        [msgspec.structs.replace(o, annotation=o.annotation + first - 1) for o in origins],
    )
