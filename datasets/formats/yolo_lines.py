"""Read and write lines of YOLO label files: class and box, or class and segment, in normalised coordinates.

Coordinates are divided by the width and height of the upright image. Classes count from 0. A line of class and box
may be followed by keypoints, where `data.yaml` declares them with `kpt_shape`.
Source: https://docs.ultralytics.com/datasets and `verify_image_label` of ultralytics 8.4.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from datasets.formats.box_form import BoxForm, as_form
from system.errors import InputError, collected
from system.files import read_file, write_file

MAX_REMEMBERED = 2**17  # texts of coordinates
YOLO_FORM: BoxForm = "centre-size"
BOX_VALUES = 4
VISIBLE = 2  # of a keypoint
MIN_BOX_AND_RING = 10  # values: a box and three points
ROUNDING = 1e-3  # of the image, of a box that was computed from points
TOLERANCE = 0.01  # Ultralytics accepts coordinates this far outside 0..1


class Label(msgspec.Struct, frozen=True):
    """One line of a label file: `values` are centre x and y, width, height, or else x1, y1, x2, y2, x3, y3, ...

    `lost` is the code of what the line contained beyond that, such as keypoints.
    """

    class_index: int
    values: tuple[float, ...]
    lost: str = ""

    @property
    def is_box(self) -> bool:
        """Whether the label is a box and not a segment."""
        return len(self.values) == 4


def read_labels(
    path: Path,
    classes: int,
    keypoint_columns: int = 0,
    *,
    boxes: BoxForm = YOLO_FORM,
    errors: list[InputError] | None = None,
) -> list[Label]:
    """Read one label file of a dataset with that many classes and columns of keypoints; `boxes` is their form.

    Faults of a line are added to `errors`, if given. Raises InputError naming file, line and value.
    """
    labels = []
    for number, line in enumerate(read_label_lines(path), 1):
        with collected(errors):
            if line.strip():
                labels.append(parse_label(f"{path}:{number}", line, classes, keypoint_columns, boxes=boxes))
    return labels


def read_label_lines(path: Path) -> list[str]:
    """The lines of a label file. Raises InputError if it is not text."""
    try:
        return read_file(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(path, "not a text file", "write one line per instance") from None


def parse_label(
    where: str, line: str, classes: int, keypoint_columns: int = 0, *, boxes: BoxForm = YOLO_FORM
) -> Label:
    """Read one line; coordinates up to 1 % outside the image are accepted, as in Ultralytics.

    `boxes` is the form of the box in the line. Raises InputError if the line is not valid.
    """
    label = parse_columns(where, line, classes, keypoint_columns)
    check_coordinates(where, label)
    if boxes == YOLO_FORM or not label.is_box:
        return label
    label = msgspec.structs.replace(label, values=as_form(label.values, boxes, YOLO_FORM))
    check_coordinates(where, label)
    return label


def parse_columns(where: str, line: str, classes: int, keypoint_columns: int = 0) -> Label:
    """Read one line, whose coordinates may be any numbers. Raises InputError.

    With `keypoint_columns`, a line has that many more columns than a box; the box is kept.
    """
    words = line.split()
    lost = ""
    if keypoint_columns and len(words) == 5 + keypoint_columns:
        words, lost = words[:5], "keypoints-lost"
    elif keypoint_columns and len(words) != 5:
        problem = f"{len(words)} columns, but kpt_shape requires {5 + keypoint_columns}"
        raise InputError(where, problem, "correct the line, or kpt_shape in data.yaml")
    if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
        remedy = "give 5 for a box, or 7, 9, 11, ... for a segment; keypoints need kpt_shape in data.yaml"
        raise InputError(where, f"{len(words)} columns", remedy)
    try:
        first, *values = (float(word) for word in words)
    except ValueError:
        raise InputError(where, f"not numbers: {line.strip()[:60]!r}", "write class and coordinates") from None
    if not first.is_integer():
        raise InputError(where, f"class {words[0]} is not a whole number", "classes count from 0")
    if not 0 <= first < classes:
        raise InputError(where, f"class {words[0]} is not in 0..{classes - 1}", "add it to the class names")
    return Label(int(first), tuple(values), lost)


def check_coordinates(where: str, label: Label) -> None:
    """Raise InputError if a coordinate is more than 1 % outside the image, or a box has a negative size.

    Also if a segment begins with the four numbers of the box around its other points, as some exporters write it.
    """
    for value in label.values:
        if not -TOLERANCE <= value <= 1 + TOLERANCE:
            problem = f"coordinate {value:.9g} is outside 0..1"
            remedy = "divide by the width and height of the image"
            if value == VISIBLE and len(label.values) > BOX_VALUES:
                remedy += "; keypoints need kpt_shape in data.yaml"
            raise InputError(where, problem, remedy)
    if label.is_box and min(label.values[2:]) < 0:
        problem = "a box of size {:g} x {:g}".format(*label.values[2:])
        raise InputError(where, problem, "a size cannot be negative")
    if len(label.values) >= MIN_BOX_AND_RING and _begins_with_box(label.values):
        problem = "begins with the box around its other points"
        raise InputError(where, problem, "write either the box or the points")


def _begins_with_box(values: tuple[float, ...]) -> bool:
    xs, ys = values[4::2], values[5::2]
    w, h = max(xs) - min(xs), max(ys) - min(ys)
    box = (min(xs) + w / 2, min(ys) + h / 2, w, h)
    return max(w, h) > 4 * ROUNDING and all(abs(a - b) <= ROUNDING for a, b in zip(values[:4], box, strict=True))


def find_mixed(kinds: Mapping[str, set[bool]]) -> dict[str, str]:
    """The problem of each image whose labels are not of the kind that most images have: boxes or segments.

    `kinds` is image -> whether its labels are boxes, one value for each kind. Empty if all are of one kind.

    >>> find_mixed({"a.txt": {True}, "b.txt": {False}, "c.txt": {False}})
    {'a.txt': 'boxes, but 2 images have segments'}
    """
    boxes = [name for name, kind in kinds.items() if kind == {True}]
    segments = [name for name, kind in kinds.items() if kind == {False}]
    problems = {name: "boxes and segments" for name, kind in kinds.items() if len(kind) > 1}
    if len(boxes) < len(segments):
        problems |= {name: f"boxes, but {len(segments)} images have segments" for name in boxes}
    elif boxes:
        problems |= {name: f"segments, but {len(boxes)} images have boxes" for name in segments}
    return problems


def format_label(label: Label) -> str:
    """The line of `label`, see `format_line`."""
    return format_line(label.class_index, label.values)


def format_line(class_index: int, values: Iterable[float]) -> str:
    """A line with 9 decimals: more than a 32-bit float keeps, a thousandth of a pixel at 10^6."""
    return " ".join([str(class_index), *map(_DIGITS.__getitem__, values)])


def write_labels(path: Path, lines: Iterable[str]) -> None:
    """Write a label file; without lines it is empty, which makes its image a negative."""
    write_file(str(path), "".join(f"{line}\n" for line in lines).encode())


class _Digits(dict[float, str]):
    """The text of each value; the points of outlines share their coordinates."""

    def __missing__(self, value: float) -> str:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        text = f"{value:.9f}".rstrip("0").rstrip(".")
        self[value] = text = "0" if text == "-0" else text
        return text


_DIGITS = _Digits()
