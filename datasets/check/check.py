"""Look through a dataset for what would spoil a training; finds everything, stops at nothing that can be read."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from datasets.check.annotations import (
    check_good,
    check_outside,
    check_pairs,
    check_small,
    check_speckle,
    check_zero_area,
)
from datasets.check.categories import check_absent, check_names, check_skew
from datasets.check.codes import Finding
from datasets.check.facts import Entry, Facts, ImageFacts, Instance, Limits, Listing, look_at, look_into
from datasets.check.images import check_duplicates, check_exif, check_near_duplicates
from datasets.check.read_coco import list_coco, list_coco_export, read_coco_entry
from datasets.check.read_labelme import list_labelme, read_labelme_entry
from datasets.check.read_mvtec import list_mvtec, read_mvtec
from datasets.check.read_yolo import check_mixed, list_yolo, read_yolo_entry
from system.errors import InputError
from system.files import is_file
from system.workers import map_ordered

POOL_PAYS_FROM = 64  # images
Lister = Callable[[Path], Listing | None]
Reader = Callable[[Entry, int, int], tuple[list[Instance], list[Finding]]]
Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
FORMATS: dict[str, tuple[Lister, Reader]] = {  # the first that knows the folder reads it
    "COCO dataset folder": (list_coco, read_coco_entry),
    "YOLO folder": (list_yolo, read_yolo_entry),
    "COCO export": (list_coco_export, read_coco_entry),
    "MVTec tree": (list_mvtec, read_mvtec),
    "labelme folder": (list_labelme, read_labelme_entry),
}


class Checked(msgspec.Struct, frozen=True):
    """What was looked through and what was found, sorted."""

    format: str
    images: int
    annotations: int
    findings: list[Finding]


def check(
    root: Path,
    limits: Limits,
    *,
    jobs: int = 0,
    progress: Progress = lambda items, _label, _total: items,
) -> Checked:
    """Check an MVTec tree, a labelme folder, a COCO dataset folder or a YOLO folder.

    Raises InputError where `root` is none of them, or its description as a whole cannot be read.
    """
    name, listing = _list(root)
    work = _Work(FORMATS[name][1])
    pool_pays = len(listing.entries) >= POOL_PAYS_FROM
    looked = map_ordered(work, listing.entries, jobs, pool_pays=pool_pays)
    images = list(progress(looked, "check", len(listing.entries)))
    facts = Facts(listing.categories, images, _is_split(name, images), is_yolo=name == "YOLO folder")
    findings = [*listing.findings, *(finding for image in images for finding in image.findings)]
    annotations = sum(len(image.instances) for image in images)
    return Checked(name, len(images), annotations, sorted({*findings, *run_checks(facts, limits)}))


def _is_split(name: str, images: list[ImageFacts]) -> bool:
    """Whether the splits are meant for training, and not MVTec's own, where train has good images only."""
    train = [image.is_good for image in images if image.split == "train"]
    mvtecs_own = name == "labelme folder" and bool(train) and all(train)
    return name != "MVTec tree" and not mvtecs_own and len({image.split for image in images}) > 1


def run_checks(facts: Facts, limits: Limits) -> list[Finding]:
    """All checks of the facts."""
    return [
        *check_exif(facts),
        *check_duplicates(facts),
        *check_near_duplicates(facts),
        *check_good(facts),
        *check_zero_area(facts),
        *check_outside(facts),
        *check_pairs(facts),
        *check_speckle(facts, limits),
        *check_small(facts, limits),
        *check_names(facts),
        *check_absent(facts),
        *check_skew(facts),
        *(check_mixed(facts) if facts.is_yolo else []),
    ]


class _Work(msgspec.Struct, frozen=True):
    """Look at one image, as processes can take it."""

    read: Reader

    def __call__(self, entry: Entry) -> ImageFacts:
        findings: list[Finding] = []
        look = None
        if entry.path is not None or entry.labelme_file is not None:
            path = Path(entry.path or entry.labelme_file or "")
            try:
                look = look_at(path) if entry.path else look_into(path)
            except InputError as error:
                code = "broken-picture" if is_file(path) else "missing-picture"
                findings.append(Finding(entry.name, "", code, error.problem))
        width, height = (look.width, look.height) if look else (0, 0)
        instances, read_findings = self.read(entry, width, height)
        findings += read_findings
        if look is None:
            return ImageFacts(entry.name, entry.split, entry.is_good, instances, findings)
        seen = (look.width, look.height, look.orientation, look.sha256, look.likeness)
        return ImageFacts(entry.name, entry.split, entry.is_good, instances, findings, *seen)


def _list(root: Path) -> tuple[str, Listing]:
    if not root.exists():
        raise InputError(root, "no such folder", "name a dataset")
    for name, (lister, _) in FORMATS.items():
        listing = lister(root)
        if listing is not None and listing.entries:
            return name, listing
    raise InputError(
        root,
        "neither an MVTec tree nor a labelme, COCO or YOLO folder with images",
        "name the folder that holds train and test, annotations, data.yaml or the JSON files",
    )
