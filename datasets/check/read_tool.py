"""Read exports of labelling tools for `datasets check`: VOC, CVAT, Label Studio, VIA, CSV tables."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Entry, Facts, ImageFacts, Listing, Reading
from datasets.check.findings import as_finding, place_below, same_stems, unusable
from datasets.check.format import has_several_splits
from datasets.coco import Segmentation
from datasets.formats.fractions import check_not_fractions, shape_corners
from datasets.formats.image_search import ImageSearch
from datasets.formats.layouts.tree import GOOD
from datasets.formats.tool_box_form import find_other_forms
from datasets.formats.tool_detect import CSV, VOC, find_tool_format
from datasets.formats.tool_export import BoxShape, LineShape, PolygonShape, ToolExport, ToolImage, ToolShape
from datasets.formats.tool_images import (
    check_in_splits,
    check_stated_size,
    dataset_names,
    images_of,
    without_excluded,
)
from datasets.formats.tool_shapes import DrawingRule, draw_tool_image
from datasets.images.image_file import read_info
from datasets.masks.rle import rle_area, rle_box
from system.errors import InputError
from system.exclude import NOTHING, Excluder

FINDING_OF = {
    "no-label": "empty-label",
    "swapped-corners": "swapped-corners",
}  # code of a conversion -> code of a check
UNLABELLED = "nothing shows that somebody inspected it"


class ToolEntry(Entry, frozen=True, kw_only=True):
    """An image with its place in the export, and the annotation file."""

    image: ToolImage
    file: str


class ToolExportFormat(msgspec.Struct, frozen=True):
    """A file or folder that a labelling tool exported."""

    name: str = "export of a labelling tool"
    upright_only: bool = False

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[ToolEntry] | None:
        """The images of the export, None if no tool is recognised.

        Raises InputError if the export cannot be read.
        """
        detected = find_tool_format(root)
        if detected is None and not (root.is_file() and root.suffix.lower() == ".csv"):
            return None
        tool, source = detected or (CSV, root)  # the reader states what is wrong with a table that is named itself
        errors: list[InputError] = []
        export = tool.read(source, errors=errors)
        if tool is VOC:  # a file for each image; elsewhere one file has all annotations
            errors = [error for error in errors if not exclude.excludes(root, place_below(root, error.where))]
            kept = [image for image in export.images if not exclude.excludes(root, image.file)]
            export = msgspec.structs.replace(export, images=kept)
        findings = [as_finding(root, error, "unreadable-labels") for error in errors]
        return _listing(export, findings, exclude)

    def read(self, entry: ToolEntry, width: int, height: int) -> Reading:
        """The shapes of one image, in pixels of its width x height."""
        return _read(entry, width, height)

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether there are several splits."""
        return has_several_splits(images)

    def check_together(self, facts: Facts) -> list[Finding]:  # noqa: ARG002
        """No findings."""
        return []


def _listing(export: ToolExport, findings: list[Finding], exclude: Excluder) -> Listing[ToolEntry]:
    search = ImageSearch(export.root, export.not_images, exclude)
    export = without_excluded(export, search, exclude)
    stems = exclude.stems()
    errors: list[tuple[ToolImage, InputError]] = []
    placed = images_of(export, search, errors)
    entries = [
        ToolEntry(
            name=relative,
            path=f"{search.root}/{relative}",
            split=one.image.split or "",
            is_good=Path(relative).parent.name == GOOD,
            image=one.image,
            file=f"{export.root}/{one.image.file}",
        )
        for relative, one in placed.items()
    ]
    for image, error in errors:
        code = "missing-picture" if "is missing" in error.problem else "ambiguous-pair"
        findings.append(Finding(image.file, image.where, code, error.problem))
    names = dataset_names(placed)
    findings += same_stems(names.values())
    splits = {names[relative] for relative, one in placed.items() if one.image.split}
    try:
        check_not_fractions(export.root, shape_corners(export), export.unit)
        suspected = find_other_forms(export, placed, search.root)
        findings += [Finding(file, loss.where, loss.code, loss.value) for file, loss in suspected]
    except InputError as error:
        findings += unusable(Path(export.root), error)
    try:
        check_in_splits(sorted(names.values()), splits or set(names.values()))
    except InputError as error:
        findings += unusable(Path(export.root), error)
    unlisted = [name for name in search.images if name not in placed and Path(name).stem not in stems]
    findings += [Finding(name, "", "unlabelled", "not in the export") for name in unlisted]
    categories = sorted({shape.label for image in export.images for shape in image.shapes})
    return Listing(entries, categories, findings)


def _read(entry: ToolEntry, width: int, height: int) -> Reading:
    image = entry.image
    findings = [
        Finding(image.file, loss.where, FINDING_OF[loss.code], loss.value)
        for loss in image.losses
        if loss.code in FINDING_OF
    ]
    size = image.size or (width, height)
    try:
        if width and entry.path is not None and size != (width, height):
            stored = read_info(Path(entry.path))
            check_stated_size(entry.file, image, entry.path, (width, height), (stored.width, stored.height))
    except InputError as error:
        findings.append(Finding(entry.name, "", "size-mismatch", error.problem))
    if not image.shapes and not image.reviewed and not findings:
        findings.append(Finding(entry.name, "", "unlabelled", UNLABELLED))
    annotations: list[AnnotationFacts] = []
    for i, shape in enumerate(image.shapes):
        try:
            annotations += _annotations(entry, i, shape, (height or size[1], width or size[0]))
        except InputError as error:
            findings.append(Finding(image.file, shape.where, "unreadable-labels", error.problem))
    return Reading(annotations, findings)


def _annotations(entry: ToolEntry, index: int, shape: ToolShape, size: tuple[int, int]) -> list[AnnotationFacts]:
    """The annotations of a shape; boxes are not clipped to the image. `size` is (height, width) in pixels."""
    geometry = shape.geometry
    if isinstance(geometry, BoxShape):
        w, h = geometry.x1 - geometry.x0, geometry.y1 - geometry.y0
        box = (geometry.x0, geometry.y0, w, h)
        return [AnnotationFacts(shape.where, shape.label, box, w * h, None, shape.ignore)]
    if isinstance(geometry, LineShape):
        return [AnnotationFacts(shape.where, shape.label, _extents(geometry.points), 0)]
    annotations = []
    for drawn in draw_tool_image(entry.file, entry.image, [index], size, DrawingRule()):
        for part in drawn.parts:
            area = rle_area(part.rle) if part.rle is not None else 0
            box = rle_box(part.rle) if part.rle is not None and area else (0, 0, 0, 0)
            segmentation: Segmentation | None = part.rle
            if isinstance(geometry, PolygonShape):
                box = _extents(geometry.points)
            facts = AnnotationFacts(shape.where, shape.label, box, area, segmentation, shape.ignore)
            annotations.append(facts)
    return annotations


def _extents(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
    return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
