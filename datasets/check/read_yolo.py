"""What `datasets check` reads of a YOLO folder: every label line that can be read, every one that cannot."""

from collections import Counter
from pathlib import Path

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Facts, Instance, Listing, ring_area
from datasets.coco import MAX_COORDINATE
from datasets.formats.layouts.tree import GOOD
from datasets.formats.yolo import Label, YoloDataset, check_coordinates, looks_like_yolo, parse_columns, read_yolo
from system.errors import InputError


def list_yolo(root: Path) -> Listing | None:
    """Pictures of all splits, None where `root` is no YOLO folder. Raises InputError where data.yaml is broken."""
    if not looks_like_yolo(root):
        return None
    dataset = read_yolo(root, strict=False)
    base = dataset.root
    entries = []
    findings = _label_findings(dataset)
    for image in dataset.images:
        labels = str(image.labels) if image.labels.is_file() else None
        details = (_name(base, image.labels), labels, dataset.names)
        is_good = Path(image.relative).parent.name == GOOD
        entries.append(Entry(_name(base, image.path), str(image.path), image.split, is_good, details))
    return Listing(entries, list(dataset.names), findings)


def read_yolo_entry(entry: Entry, width: int, height: int) -> tuple[list[Instance], list[Finding]]:
    """Labels of one image; pixels are those of its picture of width x height (0 where it cannot be read)."""
    name, path, names = entry.details
    if path is None:
        return [], [Finding(entry.name, "", "unlabelled", f"no {name}")]
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [], [Finding(name, "", "unreadable-labels", str(error))]
    instances: list[Instance] = []
    findings: list[Finding] = []
    for number, line in enumerate(lines, 1):
        where = f"line {number}"
        label = None
        try:
            label = parse_columns(where, line, len(names)) if line.strip() else None
            if label is not None:
                check_coordinates(where, label)
        except InputError as error:
            findings.append(Finding(name, where, "unreadable-labels", error.problem))
        # where it lies may still be said
        if label is not None and all(abs(value) <= MAX_COORDINATE for value in label.values):
            instances.append(_instance(label, where, names[label.class_index], width or 1, height or 1))
    if len({instance.segmentation is None for instance in instances}) > 1:
        findings.append(Finding(name, "", "mixed-labels", "boxes and segments"))
    return instances, findings


def _instance(label: Label, where: str, category: str, width: int, height: int) -> Instance:
    if label.is_box:
        cx, cy, w, h = label.values
        box = ((cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height)
        return Instance(where, category, box, box[2] * box[3])
    xs = [x * width for x in label.values[::2]]
    ys = [y * height for y in label.values[1::2]]
    ring = list(zip(xs, ys, strict=True))
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return Instance(where, category, box, ring_area(ring), [[v for point in ring for v in point]])


def check_mixed(facts: Facts) -> list[Finding]:
    """Images with boxes where more have segments, or the other way round: Ultralytics drops all segments then."""
    kinds = [(image, {instance.segmentation is None for instance in image.instances}) for image in facts.images]
    boxes = [image.name for image, kind in kinds if kind == {True}]
    segments = [image.name for image, kind in kinds if kind == {False}]
    if len(boxes) < len(segments):
        return [
            Finding(name, "", "mixed-labels", f"boxes, where segments are in {len(segments)}") for name in boxes
        ]
    found = segments if boxes else []
    return [Finding(name, "", "mixed-labels", f"segments, where boxes are in {len(boxes)}") for name in found]


def _label_findings(dataset: YoloDataset) -> list[Finding]:
    # two splits may name one picture
    wanted = Counter({image.path.resolve(): image.labels for image in dataset.images}.values())
    shared = [path for path, times in wanted.items() if times > 1]
    folders = sorted({path.parent for path in wanted})
    there = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.txt"))]
    return [
        *(
            Finding(_name(dataset.root, path), "", "ambiguous-pair", "several pictures share it")
            for path in shared
        ),
        *(
            Finding(_name(dataset.root, path), "", "labels-without-picture", "")
            for path in there
            if path not in wanted
        ),
    ]


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
