"""Read a YOLO folder for `datasets check`: every label line, readable or not."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import msgspec

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Entry, Facts, ImageFacts, Listing, Reading
from datasets.check.findings import links_outside, same_stems
from datasets.check.format import has_several_splits
from datasets.check.ring_area import ring_area
from datasets.coco import MAX_COORDINATE, Box
from datasets.formats.box_form import as_form
from datasets.formats.layouts.tree import GOOD
from datasets.formats.yolo import YoloDataset, YoloImage, dataset_names, find_repeated, looks_like_yolo, read_yolo
from datasets.formats.yolo_lines import (
    YOLO_FORM,
    Label,
    check_coordinates,
    find_mixed,
    parse_columns,
    read_label_lines,
)
from datasets.formats.yolo_suspicions import (
    check_boxes,
    check_not_poses,
    find_odd_boxes,
    find_unused_first,
    pose_evidence,
)
from datasets.masks.drawn_segment import draw_segment
from datasets.masks.edges import component_to_rle
from system.errors import InputError
from system.exclude import NOTHING, Excluder

WHOLE = "(dataset)"


class YoloEntry(Entry, frozen=True, kw_only=True):
    """An image with its label file (None if it has none), the class names and the number of keypoint columns."""

    labels_name: str
    labels: str | None
    classes: tuple[str, ...]
    keypoint_columns: int


class YoloFolder(msgspec.Struct, frozen=True):
    """A YOLO folder, or its YAML file."""

    name: str = "YOLO folder"
    upright_only: bool = False

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[YoloEntry] | None:
        """The images of all splits, None if `root` is not a YOLO folder.

        Raises InputError for a broken data.yaml.
        """
        if not looks_like_yolo(root):
            return None
        dataset = read_yolo(root, strict=False, exclude=exclude)
        entries = [_entry(dataset, image) for image in dataset.images]
        notes = (note for note in dataset.notes if note[0] in {"unknown-split", "unnamed-split", "index-prefix"})
        findings = [Finding(dataset.description.name, "", *note) for note in notes]
        folders = [dataset.root, *chain.from_iterable(dataset.folders.values())]
        findings += links_outside(dataset.root, (image.path for image in dataset.images), folders)
        return Listing(entries, list(dataset.names), [*_label_findings(dataset), *findings])

    def read(self, entry: YoloEntry, width: int, height: int) -> Reading:
        """The labels of one image, in pixels of its width x height."""
        return _read_entry(entry, width, height)

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether there are several splits."""
        return has_several_splits(images)

    def check_together(self, facts: Facts) -> list[Finding]:
        """Findings for boxes mixed with segments, and for what all labels together reveal."""
        return [*check_mixed(facts), *check_labels_together(facts)]


def _entry(dataset: YoloDataset, image: YoloImage) -> YoloEntry:
    return YoloEntry(
        name=_name(dataset.root, image.path),
        path=str(image.path),
        split=image.split,
        is_good=Path(image.relative).parent.name == GOOD,
        labels_name=_name(dataset.root, image.labels),
        labels=str(image.labels) if image.labels.is_file() else None,
        classes=dataset.names,
        keypoint_columns=dataset.keypoint_columns,
    )


def _read_entry(entry: YoloEntry, width: int, height: int) -> Reading:
    name, path, names = entry.labels_name, entry.labels, entry.classes
    if path is None:
        return Reading([], [Finding(entry.name, "", "unlabelled", f"no {name}")])
    try:
        lines = read_label_lines(Path(path))
    except InputError as error:
        return Reading([], [Finding(name, "", "unreadable-labels", error.problem)])
    labels: list[tuple[str, Label, bool]] = []  # place, label, whether it can be drawn
    findings: list[Finding] = []
    for number, line in enumerate(lines, 1):
        where = f"line {number}"
        label, is_readable = None, False
        try:
            label = parse_columns(where, line, len(names), entry.keypoint_columns) if line.strip() else None
            if label is not None:
                check_coordinates(where, label)
                is_readable = True
        except InputError as error:
            findings.append(Finding(name, where, "unreadable-labels", error.problem))
        # the position of a faulty label may still be known
        if label is not None and all(abs(value) <= MAX_COORDINATE for value in label.values):
            labels.append((where, label, is_readable and width > 0))
    longest = max((len(label.values) // 2 for _, label, _ in labels), default=0)
    annotations = []
    for where, label, can_be_drawn in labels:
        facts = _annotation(label, where, names[label.class_index], width or 1, height or 1)
        annotations.append(_drawn(facts, label, longest, width, height) if can_be_drawn else facts)
    return Reading(annotations, findings)


def _annotation(label: Label, where: str, category: str, width: int, height: int) -> AnnotationFacts:
    if label.is_box:
        cx, cy, w, h = label.values
        box = ((cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height)
        return AnnotationFacts(where, category, box, box[2] * box[3])
    xs = [x * width for x in label.values[::2]]
    ys = [y * height for y in label.values[1::2]]
    ring = list(zip(xs, ys, strict=True))
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    points = [[v for point in ring for v in point]]
    return AnnotationFacts(where, category, box, ring_area(ring), points, pose=pose_evidence(label))


def _drawn(facts: AnnotationFacts, label: Label, longest: int, width: int, height: int) -> AnnotationFacts:
    """The facts of a segment from the pixels that Ultralytics draws; other facts unchanged.

    The box is that of the points, where it has an area, as in `yolo2coco`. A single point stays without area.
    """
    is_point = len(set(zip(label.values[0::2], label.values[1::2], strict=True))) == 1
    drawn = None if label.is_box or is_point else draw_segment(label.values, longest, height, width)
    if drawn is None:
        return facts
    box = facts.box if min(facts.box[2:]) > 0 else drawn.box
    mask = component_to_rle(drawn, height, width)
    return msgspec.structs.replace(facts, box=box, area=drawn.area, segmentation=mask)


def check_mixed(facts: Facts) -> list[Finding]:
    """Images with boxes where more have segments, or the other way round: Ultralytics drops all segments then."""
    kinds = {image.name: {a.segmentation is None for a in image.annotations} for image in facts.images}
    return [Finding(name, "", "mixed-labels", problem) for name, problem in find_mixed(kinds).items()]


def check_labels_together(facts: Facts) -> list[Finding]:
    """Findings for boxes that have, or may have, another form than YOLO's, for keypoints, for classes from 1."""
    images = {image.name: image for image in facts.images}  # two splits may list the same images
    places = [(image, a) for image in images.values() for a in image.annotations]
    boxes = [(image, a) for image, a in places if a.segmentation is None]
    labels = [_box_label(image, a.box) for image, a in boxes]
    where = Path(WHOLE)
    try:
        pose = check_not_poses(where, (a.pose for _, a in places if a.pose is not None))
        suspicion = check_boxes(where, labels)
    except InputError as error:
        return [Finding(WHOLE, "", "unusable-dataset", error.problem)]
    unused = find_unused_first(facts.categories, [a.category for _, a in places])
    hints = (("maybe-keypoints", pose), ("class-0-unused", unused))
    findings = [Finding(WHOLE, "", code, hint) for code, hint in hints if hint]
    if suspicion:
        return [*findings, Finding(WHOLE, "", "box-form", suspicion)]
    odd = find_odd_boxes(labels).items()
    return [*findings, *(Finding(boxes[i][0].name, boxes[i][1].where, "box-outlier", why) for i, why in odd)]


def _box_label(image: ImageFacts, box: Box) -> Label:
    (x, y, w, h), width, height = box, image.width or 1, image.height or 1
    return Label(0, as_form((x / width, y / height, w / width, h / height), "corner-size", YOLO_FORM))


def _label_findings(dataset: YoloDataset) -> list[Finding]:
    wanted = {image.labels for image in dataset.images}
    folders = sorted({path.parent for path in wanted})
    present = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.txt"))]
    return [
        *_repeated(dataset),
        *(
            Finding(_name(dataset.root, path), "", "labels-without-picture", "")
            for path in present
            if path not in wanted and path not in dataset.files
        ),
    ]


def _repeated(dataset: YoloDataset) -> list[Finding]:
    """Images that are listed twice or share a label file, as a conversion refuses them."""
    images = [image for image in dataset.images if image.split not in dataset.substitute_splits]
    codes = {True: "ambiguous-pair", False: "duplicate-across-splits"}
    repeated = list(find_repeated(images))
    return [
        Finding(_name(dataset.root, Path(e.where)), "", codes["label file" in e.problem], e.problem)
        for e in repeated
    ] + ([] if repeated else same_stems(dataset_names(images)))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
