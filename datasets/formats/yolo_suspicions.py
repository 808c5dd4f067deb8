"""What all labels of a YOLO dataset together reveal: boxes of another form, classes from 1, keypoints.

`yolo2coco` and `datasets check` use it, so that both use the same words.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.formats.box_form import FormBox, as_form, check_box_form, find_outliers
from datasets.formats.yolo_lines import YOLO_FORM, Label
from system.errors import InputError

MIN_LABELS = 10  # from which a class that never occurs is worth a hint
MIN_POSES = 3  # lines
BOX_VALUES = 4
VISIBILITY = frozenset({0.0, 1.0, 2.0})  # of a keypoint: not labelled, hidden, visible
SLACK = 0.01  # of the image: a keypoint outside its box by less is inaccuracy


def check_boxes(where: Path, labels: Iterable[Label]) -> str:
    """`check_box_form` of the boxes among the labels of a dataset, which `where` describes. Raises InputError."""
    boxes = [_form_box(label) for label in labels if label.is_box]
    return check_box_form(where, boxes, YOLO_FORM, "yolo2coco")


def find_odd_boxes(labels: Sequence[Label]) -> dict[int, str]:
    """`find_outliers` of the boxes among the labels of a dataset, by the index of the label."""
    numbers = [i for i, label in enumerate(labels) if label.is_box]
    found = find_outliers([_form_box(labels[i]) for i in numbers], YOLO_FORM)
    return {numbers[i]: reason for i, reason in found.items()}


def find_unused_first(classes: Sequence[str], used: Sequence[str]) -> str:
    """A hint if no label has the first of several classes, empty otherwise; `used` has the class of each label.

    Scripts that count classes from 1 shift each class by one, which nothing else shows while the last class is
    never used. Fewer than MIN_LABELS labels prove nothing.

    >>> find_unused_first(["chip", "crack"], ["crack"] * 12)
    'none of 12 labels is chip'
    """
    if len(classes) < 2 or len(used) < MIN_LABELS or classes[0] in used:
        return ""
    return f"none of {len(used)} labels is {classes[0]}"


class PoseEvidence(msgspec.Struct, frozen=True):
    """Whether a segment of `values` numbers may be a box followed by keypoints.

    `has_visibilities` is whether every third number after the box is a visibility (a segment of the whole image
    has no other numbers), `is_inside` whether all points after the box are in it, and `is_size_outside` whether
    the size of the box, read as a point, is not.
    """

    values: int
    has_visibilities: bool
    is_inside: bool
    is_size_outside: bool


def pose_evidence(label: Label) -> PoseEvidence | None:
    """The evidence of a segment, None of a box."""
    if label.is_box:
        return None
    row, rest = label.values, label.values[BOX_VALUES:]
    visibilities, others = rest[2::3], (*rest[0::3], *rest[1::3])
    points = zip(rest[0::2], rest[1::2], strict=True)
    return PoseEvidence(
        len(row),
        not len(rest) % 3 and VISIBILITY.issuperset(visibilities) and not VISIBILITY.issuperset(others),
        all(point == (0, 0) or _holds(row, point) for point in points),
        not _holds(row, (row[2], row[3])),
    )


def check_not_poses(where: Path, segments: Iterable[PoseEvidence]) -> str:
    """Raise InputError if the segments of a dataset, which `where` describes, are obviously boxes with keypoints.

    They are if MIN_POSES or more all have the same number of values, and either all have visibilities, or all
    points are inside the boxes while the sizes, read as points, mostly are not. Fewer prove nothing: if each has
    visibilities, or its points inside and its size outside, the result states that; otherwise it is empty.
    """
    listed = list(segments)
    if len({one.values for one in listed}) != 1:
        return ""
    if len(listed) < MIN_POSES:
        is_like = all(one.has_visibilities or (one.is_inside and one.is_size_outside) for one in listed)
        return f"{len(listed)} of {len(listed)} segments may be a box followed by keypoints" if is_like else ""
    if all(one.has_visibilities for one in listed):
        size = 3
    elif all(one.is_inside for one in listed) and sum(one.is_size_outside for one in listed) * 2 > len(listed):
        size = 2
    else:
        return ""
    count = (listed[0].values - BOX_VALUES) // size
    problem = f"all {len(listed)} segments are boxes followed by {count} keypoints of {size} values"
    remedy = f"add kpt_shape: [{count}, {size}] to data.yaml; start segments at another of their points"
    raise InputError(where, problem, remedy)


def _holds(box: tuple[float, ...], point: tuple[float, float]) -> bool:
    cx, cy, w, h = box[:BOX_VALUES]
    return abs(point[0] - cx) <= w / 2 + SLACK and abs(point[1] - cy) <= h / 2 + SLACK


def _form_box(label: Label) -> FormBox:
    return FormBox(as_form(label.values, YOLO_FORM, YOLO_FORM))
