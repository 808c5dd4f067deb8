"""What the points of all shapes of a labelme folder reveal: fractions of the image, rectangles of another form.

`labelme2coco` and `datasets check` use it, so that both use the same words.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.formats.box_form import FormBox, find_backward_form, pixel_box
from datasets.formats.fractions import PIXELS, Corner, check_not_fractions

Points = Sequence[tuple[float, float]]
ReadPoints = Callable[[], Points]


class ShapeValues(msgspec.Struct, frozen=True):
    """What is known of the points of one file.

    `corners` are the largest x and y of each shape if all are inside the first pixel, otherwise one in pixels.
    `rectangles` are those of two points, if the file states the size of the image.
    """

    corners: list[Corner]
    rectangles: list[FormBox]


def shape_values(shapes: Sequence[tuple[str | None, ReadPoints]], width: int, height: int) -> ShapeValues:
    """The values of shapes, each of a type and a function that reads its points, in an image of that size.

    The size is 0 if it is unknown. Only the points of rectangles and of the first shape are read, as a rule.
    """
    corners: list[Corner] = []
    for kind, read in shapes:
        points = () if kind == "mask" else read()
        corners.append((max(x for x, _ in points), max(y for _, y in points)) if points else PIXELS)
        if max(corners[-1]) > 1:
            corners = [PIXELS]
            break
    known = min(width, height) > 0
    drawn = (read() for kind, read in shapes if known and kind == "rectangle")
    boxes = [pixel_box((*points[0], *points[1]), width, height) for points in drawn if len(points) == 2]
    return ShapeValues(corners, boxes)


def check_values(where: Path, files: Iterable[ShapeValues]) -> str:
    """Raise InputError at `where` if the points of all files are fractions of the image.

    The result is the hint of `find_backward_form`, empty if there is nothing to report.
    """
    listed = list(files)
    check_not_fractions(where, (corner for file in listed for corner in file.corners))
    return find_backward_form([box for file in listed for box in file.rectangles])
