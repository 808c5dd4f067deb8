"""Boxes whose four numbers mean something else than their format states.

Formats differ in what they write for a box: corners (x1 y1 x2 y2), the upper left corner and the size (x y w h),
or the centre and the size. Scripts confuse them. One box may fit several forms; all boxes of a dataset rarely do.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from system.errors import InputError

BoxForm = Literal["corner-size", "centre-size", "corners"]
Values = tuple[float, float, float, float]

TOLERANCE = 0.01  # of the image; Ultralytics accepts coordinates this far outside
TOLERANCE_PIXELS = 2.0  # in formats with pixels
AREA_TOLERANCE = 0.01  # of an area
OUTLIER = 4.0  # times the area of the largest other box
MIN_OTHERS = 10  # boxes that show which sizes are usual
MIN_BOXES = 3  # boxes; fewer may be carelessly drawn at the edge of the image
WORDS = {"corner-size": "x y width height", "centre-size": "centre and size", "corners": "x1 y1 x2 y2"}
OTHERS: dict[BoxForm, tuple[BoxForm, ...]] = {
    "corner-size": ("corners", "centre-size"),
    "centre-size": ("corners", "corner-size"),
    "corners": ("corner-size", "centre-size"),
}


class FormBox(msgspec.Struct, frozen=True):
    """The four numbers of a box as fractions of its image, and the tolerance at the edges of the image in x and y.

    `area` is the area that the file states, as a fraction of the image; None if it states none.
    """

    values: Values
    tolerance: tuple[float, float] = (TOLERANCE, TOLERANCE)
    area: float | None = None


def pixel_box(values: Values, width: int, height: int, area: float | None = None) -> FormBox:
    """The box of `values` in pixels in an image of width x height pixels; `area` in pixels."""
    return FormBox(
        (values[0] / width, values[1] / height, values[2] / width, values[3] / height),
        (max(TOLERANCE, TOLERANCE_PIXELS / width), max(TOLERANCE, TOLERANCE_PIXELS / height)),
        None if area is None else area / (width * height),
    )


def edges_of(values: Values, form: BoxForm) -> Values:
    """Left, top, right and bottom of a box.

    >>> edges_of((10, 20, 4, 6), "corner-size"), edges_of((10, 20, 4, 6), "centre-size")
    ((10, 20, 14, 26), (8.0, 17.0, 12.0, 23.0))
    """
    a, b, c, d = values
    if form == "corners":
        return values
    if form == "corner-size":
        return (a, b, a + c, b + d)
    return (a - c / 2, b - d / 2, a + c / 2, b + d / 2)


def check_box_form(where: Path | str, boxes: Iterable[FormBox], stated: BoxForm, command: str = "") -> str:
    """Raise InputError at `where` if the boxes are obviously not of the form that the format states.

    They are not if another form puts every box inside its image and some contradict the stated form: they lead
    outside, end before they begin, or their area is that of the other form. For corners one such box is enough,
    because small boxes fit them never by chance; for the other forms MIN_BOXES are needed. If MIN_BOXES or more
    all fit corners (where corners are stated: corner and size) and too few contradict, the result states that;
    otherwise it is empty. `command` is the conversion with --boxes, empty if it has no such option.
    """
    listed = list(boxes)
    for other in OTHERS[stated] if listed else ():
        if not all(_is_inside(box, other) for box in listed):
            continue
        contradicting = sum(_contradicts(box, stated, other) for box in listed)
        if contradicting >= (1 if other == "corners" else MIN_BOXES):
            problem = (
                f"{contradicting} of {len(listed)} boxes lead outside their image or disagree with their area, "
                f"but all fit if read as {WORDS[other]} instead of {WORDS[stated]}"
            )
            remedy = f"convert with {command} --boxes {other}, or --boxes {stated} if they are right"
            raise InputError(where, problem, remedy if command else f"write {WORDS[stated]}, inside the image")
        if other == OTHERS[stated][0] and len(listed) >= MIN_BOXES:
            return f"all {len(listed)} boxes also fit {WORDS[other]}"
    return ""


def find_outliers(boxes: Sequence[FormBox], stated: BoxForm) -> dict[int, str]:
    """The boxes that are probably x1 y1 x2 y2 among boxes of the `stated` form, by their index, with the reason.

    Such a box contradicts its stated area, which is that of the corners; or it has more than OUTLIER times the
    area of every box that cannot be corners, of which there are MIN_OTHERS or more, while the corners have about
    the size of these boxes. Nothing is found where corners are the stated form.
    """
    if stated == "corners":
        return {}
    fitting = {i for i, box in enumerate(boxes) if _is_inside(box, "corners")}
    others = [_area(box.values, stated) for i, box in enumerate(boxes) if i not in fitting]
    largest = max(others) if len(others) >= MIN_OTHERS else float("inf")
    found = {}
    for i in sorted(fitting):
        area, of_corners = _area(boxes[i].values, stated), _area(boxes[i].values, "corners")
        if _contradicts(boxes[i], stated, "corners"):
            found[i] = f"leads outside the image or contradicts its area, but fits as {WORDS['corners']}"
        elif area > OUTLIER * largest and min(others) / 2 <= of_corners <= largest * 2:
            found[i] = (
                f"{area / largest:.1f} times as large as all others, but has their size as {WORDS['corners']}"
            )
    return found


def find_backward_form(boxes: Sequence[FormBox]) -> str:
    """A hint if rectangles between any two opposite corners are probably not that, empty otherwise.

    People draw either way, but rarely most rectangles from the last corner to the first. Centre and size, or
    corner and size, of small boxes read as corners do that nearly always. They have to be inside the image, too.
    """
    backward = sum(x1 < x0 or y1 < y0 for x0, y0, x1, y1 in (box.values for box in boxes))
    if len(boxes) < MIN_BOXES or backward * 2 <= len(boxes):
        return ""
    fitting = [WORDS[form] for form in OTHERS["corners"] if all(_is_inside(box, form) for box in boxes)]
    if not fitting:
        return ""
    return f"{backward} of {len(boxes)} rectangles end before they begin; all fit {' or '.join(fitting)}"


def as_form(numbers: Sequence[float], form: BoxForm, wanted: BoxForm) -> Values:
    """The four numbers of a box of `form` in the form `wanted`.

    >>> as_form((10, 20, 14, 26), "corners", "corner-size"), as_form((12, 23, 4, 6), "centre-size", "corner-size")
    ((10, 20, 4, 6), (10.0, 20.0, 4.0, 6.0))
    """
    a, b, c, d = numbers
    if form == wanted:
        return (a, b, c, d)
    x0, y0, x1, y1 = edges_of((a, b, c, d), form)
    if wanted == "corners":
        return (x0, y0, x1, y1)
    w, h = x1 - x0, y1 - y0
    return (x0, y0, w, h) if wanted == "corner-size" else ((x0 + x1) / 2, (y0 + y1) / 2, w, h)


def _is_inside(box: FormBox, form: BoxForm) -> bool:
    x0, y0, x1, y1 = edges_of(box.values, form)
    tx, ty = box.tolerance
    return -tx <= x0 < x1 <= 1 + tx and -ty <= y0 < y1 <= 1 + ty


def _contradicts(box: FormBox, stated: BoxForm, other: BoxForm) -> bool:
    if not _is_inside(box, stated):
        return True
    of_stated, of_other = (_area(box.values, form) for form in (stated, other))
    return box.area is not None and _near(box.area, of_other) and not _near(box.area, of_stated)


def _area(values: Values, form: BoxForm) -> float:
    x0, y0, x1, y1 = edges_of(values, form)
    return (x1 - x0) * (y1 - y0)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= AREA_TOLERANCE * other
