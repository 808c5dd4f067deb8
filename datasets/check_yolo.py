"""What `datasets check` reads of a YOLO folder: every label line that can be read, every one that cannot."""

from collections import Counter
from pathlib import Path

from datasets.check_codes import Finding
from datasets.check_facts import Entry, Instance, Listing
from datasets.errors import InputError
from datasets.mvtec import GOOD
from datasets.yolo import Label, YoloDataset, looks_like_yolo, parse_label, read_yolo


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
        try:
            label = parse_label(where, line, len(names)) if line.strip() else None
        except InputError as error:
            findings.append(Finding(name, where, "unreadable-labels", error.problem))
            continue
        if label is not None:
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
    turns = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    area = abs(sum(x0 * y1 - x1 * y0 for x0, y0, x1, y1 in turns)) / 2
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return Instance(where, category, box, area, [[v for point in zip(xs, ys, strict=True) for v in point]])


def _label_findings(dataset: YoloDataset) -> list[Finding]:
    wanted = Counter(image.labels for image in dataset.images)
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
