"""Findings about a COCO export as a whole: what its conversions refuse before they look at an image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets.check.codes import Finding
from datasets.check.findings import unusable
from datasets.formats.coco_categories import join_categories
from datasets.formats.coco_export import check_described_once, name_entries
from datasets.formats.coco_file import ReadCoco
from datasets.formats.coco_images import FoundImage
from datasets.formats.coco_layout import CocoPart
from datasets.formats.coco_whole import check_crowd, check_for_yolo, nothing_labelled
from system.errors import InputError

WHOLE = "(dataset)"


def check_whole(
    root: Path,
    files: Mapping[CocoPart, ReadCoco],
    image_files: Mapping[CocoPart, Sequence[FoundImage | None]],
    *,
    is_labelled: bool,
) -> list[Finding]:
    """The findings; `files` can all be read, and `image_files` has the image of each of their entries.

    `is_labelled` counts all files as labelled.
    """
    parts, read = list(files), list(files.values())
    findings: list[Finding] = []
    try:
        for part, one in files.items():
            check_described_once(part, one, image_files[part])
        name_entries(parts, read, list(image_files.values()))
    except InputError as error:
        findings += unusable(root, error)
    labelled = [image for one in read if is_labelled or one.is_labelled for image in one.coco.images]
    if not labelled:
        return [*findings, *unusable(root, nothing_labelled(root, sum(len(one.coco.images) for one in read)))]
    categories, _, _ = join_categories([(part, one.coco) for part, one in files.items()])
    try:
        check_for_yolo(root, len(categories), len(labelled))
    except InputError as error:
        findings.append(Finding(WHOLE, "", "no-category", error.problem))
    try:
        check_crowd(root, (a.iscrowd for one in read for a in one.coco.annotations))
    except InputError as error:
        findings.append(Finding(WHOLE, "", "all-crowd", error.problem))
    return findings
