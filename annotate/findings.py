"""What is wrong with the labels of a picture, and which of it can be mended without a person."""

from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from annotate.instances import instances_of
from annotate.pictures import Picture, is_unreviewed, picture_size, set_flags, upright_size
from convert.labels import BACKGROUND, IGNORE
from convert.shapes import draw_shape
from datasets.errors import InputError
from datasets.labelme import LabelmeFile, read_labelme

DUPLICATE_IOU = 0.95
MEANING = {
    "unreadable": "the labelme file cannot be read",
    "no-picture": "no picture lies beside the labelme file",
    "size": "the file says another size than its picture has",
    "label-case": "the label differs from a known one in case or spaces only",
    "unknown-label": "the label is not in labels.txt",
    "self-crossing": "the outline crosses itself",
    "clipped": "part of the shape lies outside the picture",
    "outside-image": "the whole shape lies outside the picture",
    "zero-area": "the shape has no area",
    "no-pixel": "the shape is smaller than a pixel",
    "line-lost": "points and lines have no area",
    "duplicate": "two shapes of one label cover the same place",
    "good-with-shape": "flagged good, and yet it has a reviewed shape",
}
FIXABLE = frozenset({"label-case", "self-crossing", "clipped"})


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing wrong: in which file, at which shape (None for the file as a whole), code, value, position."""

    file: str
    index: int
    code: str
    value: str


def find_problems(picture: Picture, labels: Sequence[str]) -> list[Finding]:
    """What is wrong with the labelme file of `picture`; `labels` are the known ones, none if all are allowed."""
    name = picture.label_path.relative_to(picture.root).as_posix()
    try:
        file = read_labelme(picture.label_path)
        return [Finding(name, *problem) for problem in _problems(picture, file, labels)]
    except InputError as error:
        return [Finding(name, -1, "unreadable", error.problem)]


def known_spelling(label: str, labels: Sequence[str]) -> str | None:
    """The known label that `label` is, but for case and spaces; None where there is none."""
    spelled = {known.casefold(): known for known in labels}
    return spelled.get(" ".join(label.split()).casefold())


def _problems(picture: Picture, file: LabelmeFile, labels: Sequence[str]) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    size, real = picture_size(picture, file), upright_size(picture.path)
    if size != real:
        found.append((-1, "size", f"{size[1]} x {size[0]} where the picture has {real[1]} x {real[0]}"))
    for i, shape in enumerate(file.shapes):
        if labels and shape.label not in {*labels, IGNORE, BACKGROUND}:
            found.append((i, *_label_problem(shape.label, labels)))
        found += [(i, code, value) for code, value in draw_shape(picture.label_path, i, shape, *real).events]
    found += _duplicates(picture, file, real)
    if "good" in set_flags(file) and any(not is_unreviewed(shape) for shape in file.shapes):
        found.append((-1, "good-with-shape", f"{len(file.shapes)} shapes"))
    return found


def _label_problem(label: str, labels: Sequence[str]) -> tuple[str, str]:
    known = known_spelling(label, labels)
    if known:
        return "label-case", f"{label} for {known}"
    close = get_close_matches(label, labels, n=1)
    return "unknown-label", f"{label} (did you mean {close[0]}?)" if close else label


def _duplicates(picture: Picture, file: LabelmeFile, size: tuple[int, int]) -> list[tuple[int, str, str]]:
    from pycocotools import mask as coco_mask

    drawn = [i for i in instances_of(picture.label_path, file, size) if i.rle is not None]
    if len(drawn) < 2:
        return []
    rles = [instance.rle for instance in drawn]
    ious = coco_mask.iou(rles, rles, [0] * len(rles))
    return [
        (drawn[j].indices[0], "duplicate", f"{drawn[j].label}, as $.shapes[{drawn[i].indices[0]}]")
        for j in range(len(drawn))
        for i in range(j)
        if ious[i, j] >= DUPLICATE_IOU and drawn[i].label == drawn[j].label
    ]
