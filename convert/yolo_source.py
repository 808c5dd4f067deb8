"""The label files of a YOLO folder before any image is converted, and what they reveal together."""

import msgspec

from convert.report import Event
from convert.yolo_instances import box_around
from datasets.formats.box_form import BoxForm
from datasets.formats.yolo import YoloDataset, YoloImage, path_below
from datasets.formats.yolo_lines import YOLO_FORM, Label, find_mixed, read_labels
from datasets.formats.yolo_suspicions import (
    check_boxes,
    check_not_poses,
    find_odd_boxes,
    find_unused_first,
    pose_evidence,
)
from system.errors import InputError, collected, raise_together
from system.exclude import Excluder


class YoloSource(msgspec.Struct, frozen=True):
    """One image with the labels of its file; `has_file` is whether there is one."""

    image: YoloImage
    file_name: str
    labels: list[Label]
    has_file: bool


def read_source(
    image: YoloImage,
    name: str,
    dataset: YoloDataset,
    errors: list[InputError],
    *,
    boxes: BoxForm | None,
    boxes_around: bool,
) -> YoloSource | None:
    """The image with its labels, None if they are added to `errors`.

    `boxes` is the form of the boxes, None for that of YOLO. With `boxes_around`, a label of four points becomes
    the box around them.
    """
    known = len(errors)
    if not image.labels.is_file():
        return YoloSource(image, name, [], False)
    labels: list[Label] = []
    with collected(errors):
        form = boxes or YOLO_FORM
        labels = read_labels(image.labels, len(dataset.names), dataset.keypoint_columns, boxes=form, errors=errors)
    if len(errors) > known:
        return None
    if boxes_around:
        labels = [box_around(label) if len(label.values) == 8 else label for label in labels]
    return YoloSource(image, name, labels, True)


def kinds_of(sources: list[YoloSource], *, keep_mixed: bool) -> set[str]:
    """Which of boxes and segments there are. Raises InputError for both unless `keep_mixed`."""
    kinds = {source.file_name: {label.is_box for label in source.labels} for source in sources}
    if not keep_mixed:
        files = {source.file_name: source.image.labels for source in sources}
        remedy = "Ultralytics uses one kind only; --mixed keep keeps both"
        raise_together([InputError(files[name], problem, remedy) for name, problem in find_mixed(kinds).items()])
    return {"boxes" if is_box else "segments" for kind in kinds.values() for is_box in kind}


def label_files_alone(dataset: YoloDataset, exclude: Excluder) -> list[Event]:
    """Label files without an image."""
    wanted = {image.labels.resolve() for image in dataset.images} | {path.resolve() for path in dataset.files}
    folders = {image.labels.resolve().parent for image in dataset.images}
    label_files = (path for folder in sorted(folders) if folder.is_dir() for path in sorted(folder.glob("*.txt")))
    root = dataset.root.resolve()
    alone = [path for path in label_files if path not in wanted]
    names = [path.relative_to(root) if path.is_relative_to(root) else path.name for path in alone]
    return [
        Event(str(name), "", "label-without-picture", "")
        for name, path in zip(names, alone, strict=True)
        if not exclude.excludes(dataset.root, path_below(path, root))
    ]


def description_events(dataset: YoloDataset) -> list[Event]:
    """Events for ambiguous entries in the description of the folder."""
    empty = [
        ("empty-split", f"{split} names the images of {other}")
        for split, other in dataset.substitute_splits.items()
    ]
    return [Event(dataset.description.name, "", code, value) for code, value in (*empty, *dataset.notes)]


def suspicions(dataset: YoloDataset, sources: list[YoloSource], *, is_form_stated: bool) -> list[Event]:
    """Events for boxes that may have another form, unless it is stated, and for a first class that is never used.

    Raises InputError for boxes that obviously have another form, and for keypoints without kpt_shape.
    """
    file, name = dataset.description, dataset.description.name
    labels = [label for source in sources for label in source.labels]
    pose = check_not_poses(file, filter(None, map(pose_evidence, labels)))
    unused = find_unused_first(dataset.names, [dataset.names[label.class_index] for label in labels])
    hints = (("maybe-keypoints", pose), ("class-0-unused", unused))
    events = [Event(name, "", code, hint) for code, hint in hints if hint]
    if is_form_stated:
        return events
    if suspicion := check_boxes(file, labels):
        return [*events, Event(name, "", "box-form", suspicion)]
    places = [(source.file_name, f"label {n}") for source in sources for n in range(1, len(source.labels) + 1)]
    odd = find_odd_boxes(labels).items()
    return [*events, *(Event(*places[i], "box-outlier", reason) for i, reason in odd)]


def mixed_events(sources: list[YoloSource], kinds: set[str]) -> list[Event]:
    """An event for each image with boxes in a folder that also has segments."""
    if len(kinds) < 2:
        return []
    boxes = ((source, sum(label.is_box for label in source.labels)) for source in sources)
    return [Event(source.file_name, "", "mixed-boxes", f"{count} boxes") for source, count in boxes if count]
