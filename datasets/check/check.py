"""Check a dataset for everything that would harm training or that a conversion would refuse."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Generic

import msgspec

from datasets.check.annotations import (
    check_good,
    check_outside,
    check_pairs,
    check_small,
    check_speckle,
    check_zero_area,
)
from datasets.check.categories import check_absent, check_count, check_names, check_skew
from datasets.check.codes import Finding
from datasets.check.facts import Entry, Facts, ImageFacts, Limits, Listing
from datasets.check.findings import unusable
from datasets.check.format import E, Format
from datasets.check.image_facts import DecodedImage, read_embedded_facts, read_image_facts
from datasets.check.images import check_contradictions, check_duplicates, check_near_duplicates
from datasets.check.kept_facts import without_findings, without_shapes
from datasets.check.packed import PIECE, EachOfPiece, PackedList
from datasets.check.read_coco import CocoExportFormat, CocoFolder
from datasets.check.read_labelme import LabelmeFolder
from datasets.check.read_masks import MaskFolders, find_mask_values
from datasets.check.read_tool import ToolExportFormat
from datasets.check.read_tree import MvtecTree
from datasets.check.read_yolo import YoloFolder
from datasets.formats.coco_export import is_ours
from datasets.formats.layouts.tree import check_threshold
from datasets.formats.listed_image import check_upright
from datasets.formats.made_images import is_made
from system.errors import InputError
from system.exclude import Excluder
from system.files import is_file
from system.progress import Progress
from system.workers import MAX_CHUNK, Pool, map_ordered

POOL_PAYS_FROM = 64  # images
# The first format that recognises the folder reads it. Any: their entries are of different types.
FORMATS: tuple[Format[Any], ...] = (
    CocoFolder(),
    YoloFolder(),
    ToolExportFormat(),
    CocoExportFormat(),
    MvtecTree(),
    LabelmeFolder(),
)


class Checked(msgspec.Struct, frozen=True):
    """The format, the numbers of images and annotations, and the sorted findings."""

    format: str
    images: int
    annotations: int
    findings: list[Finding]


def check(
    root: Path,
    limits: Limits,
    *,
    jobs: int = 0,
    pool: Pool | None = None,
    progress: Progress = lambda items, _label, _total: items,
    masks: MaskFolders | None = None,
    exclude: Excluder | None = None,
) -> Checked:
    """Check an MVTec tree, a labelme or YOLO folder, a COCO dataset or export, or the export of a labelling tool.

    With `masks`, `root` contains their images. `jobs` is the number of processes (0: automatic); a running
    `pool` is used instead. Files that `exclude` excludes are not read. A dataset of a known format that cannot
    be read has the finding `unusable-dataset`. Raises InputError if `root` has another format, OptionError for
    a threshold if no masks are grey and for a pattern of `exclude` that matches no file.
    """
    exclude = exclude or Excluder()
    if masks is None:
        chosen, listing = _find_format(root, _formats(limits), exclude)
    else:
        chosen, listing = masks, masks.list_entries(root, exclude)
    exclude.files()
    if limits.threshold is not None:
        check_threshold(limits.threshold, chosen.name, has_grey_masks=isinstance(chosen, MvtecTree | MaskFolders))
    categories, of_listing, entries = listing.categories, listing.findings, listing.entries
    del listing
    images, findings, annotations = _read_all(_Work(chosen, limits), entries, jobs, pool, progress)
    findings += of_listing
    of_masks = [] if masks is None else find_mask_values(entries)
    del entries  # the comparison of all images needs memory, too
    facts = Facts(categories, images, chosen.is_split(images), _made(root, images))
    findings += check_contradictions(facts, {finding.file for finding in findings})
    findings += [*run_checks(facts), *chosen.check_together(facts), *of_masks]
    return Checked(chosen.name, len(images), annotations, sorted(set(findings)))


def _made(root: Path, images: Sequence[ImageFacts]) -> frozenset[str]:
    """The names of images that a command made from others of the dataset; only our datasets have such folders."""
    return frozenset(image.name for image in images if is_made(image.name)) if is_ours(root) else frozenset()


def _read_all(
    work: "_Work[E]", entries: Sequence[E], jobs: int, pool: Pool | None, progress: Progress
) -> tuple[list[ImageFacts], list[Finding], int]:
    """All images with what the checks of the whole dataset need, the findings of each, number of annotations."""
    pool_pays = len(entries) >= POOL_PAYS_FROM
    packed = entries if isinstance(entries, PackedList) else PackedList(entries)
    each, largest = EachOfPiece(work), MAX_CHUNK // PIECE
    read = map_ordered(each, packed.pieces(), jobs, pool_pays=pool_pays, pool=pool, largest_chunk=largest)
    findings: list[Finding] = []
    images, annotations = [], 0
    for image in progress(chain.from_iterable(read), "check", len(entries)):
        findings += image.findings
        annotations += len(image.annotations)
        images.append(without_findings(image))
    return images, findings, annotations


def check_image(image: ImageFacts, limits: Limits) -> list[Finding]:
    """The checks of one image that all formats share."""
    one = [image]
    return [
        *check_good(one),
        *check_zero_area(one),
        *check_outside(one),
        *check_pairs(one),
        *check_speckle(one, limits),
        *check_small(one, limits),
    ]


def run_checks(facts: Facts) -> list[Finding]:
    """The checks of the whole dataset that all formats share."""
    return [
        *check_duplicates(facts),
        *check_near_duplicates(facts),
        *check_names(facts),
        *check_count(facts),
        *check_absent(facts),
        *check_skew(facts),
    ]


class _Work(msgspec.Struct, Generic[E], frozen=True):
    """Read and check one image and its annotations; picklable for worker processes."""

    format: Format[E]
    limits: Limits

    def __call__(self, entry: E) -> ImageFacts:
        image = self._read(entry)
        image.findings.extend(check_image(image, self.limits))
        return without_shapes(image)

    def _read(self, entry: E) -> ImageFacts:
        findings: list[Finding] = []
        image = _decode(entry, findings)
        if image is None:
            reading = self.format.read(entry, 0, 0)
            findings += reading.findings
            return ImageFacts(entry.name, entry.split, entry.is_good, reading.annotations, findings)
        reading = self.format.read(entry, image.width, image.height)
        findings += reading.findings
        if image.damage:
            findings.append(Finding(entry.name, "", "broken-picture", image.damage))
        if image.orientation != 1:
            findings.append(Finding(entry.name, "", "exif-rotated", self._exif(entry.name, image.orientation)))
        return ImageFacts(
            name=entry.name,
            split=entry.split,
            is_good=entry.is_good,
            annotations=reading.annotations,
            findings=findings,
            width=image.width,
            height=image.height,
            orientation=image.orientation,
            sha256=image.sha256,
            perceptual_hash=image.perceptual_hash,
        )

    def _exif(self, name: str, orientation: int) -> str:
        if self.format.upright_only:
            try:
                check_upright(name, orientation)
            except InputError as error:
                return error.problem
        return f"orientation {orientation}"


def _decode(entry: Entry, findings: list[Finding]) -> DecodedImage | None:
    file = entry.path or entry.embedded_in
    if file is None:
        return None
    path = Path(file)
    try:
        return read_image_facts(path) if entry.path else read_embedded_facts(path)
    except InputError as error:
        code = "broken-picture" if is_file(path) else "missing-picture"
        findings.append(Finding(entry.name, "", code, error.problem))
        return None


def _formats(limits: Limits) -> tuple[Format[Any], ...]:
    """The formats, with the limits that affect how they read."""
    tree = MvtecTree(threshold=limits.threshold)
    return tuple(tree if isinstance(one, MvtecTree) else one for one in FORMATS)


def _find_format(
    root: Path, formats: Sequence[Format[Any]], exclude: Excluder
) -> tuple[Format[Any], Listing[Any]]:
    if not root.exists():
        raise InputError(root, "no such folder", "name the folder or file of a dataset")
    for candidate in formats:
        try:
            listing = candidate.list_entries(root, exclude)
        except InputError as error:  # only a format that recognises the folder reads its files
            return candidate, Listing([], [], unusable(root, error))
        if listing is not None and (listing.entries or listing.findings):
            return candidate, listing
    raise InputError(
        root,
        "neither an MVTec tree nor a labelme, COCO or YOLO folder with images",
        "name the folder that holds train and test, annotations, data.yaml or the JSON files",
    )
