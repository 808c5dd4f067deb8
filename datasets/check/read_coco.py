"""Read COCO files for `datasets check`: the listed images, their annotations and pixel masks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from datasets.check.coco_export import check_whole
from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Entry, Facts, ImageFacts, Listing, Reading
from datasets.check.findings import links_outside, same_stems
from datasets.check.format import has_several_splits
from datasets.check.packed import PackedList
from datasets.check.pixel_masks import check_pixel_mask, find_lonely_masks
from datasets.check.ring_area import ring_area
from datasets.coco import SPLITS, Annotation, Image, Rle
from datasets.formats.category_names import category_name
from datasets.formats.coco_categories import join_categories
from datasets.formats.coco_export import find_images, is_ours, with_plain_names, without_excluded
from datasets.formats.coco_file import ReadCoco, check_and_repair, read_unchecked_coco
from datasets.formats.coco_images import FoundImage, missing_image, own_folders
from datasets.formats.coco_layout import CocoPart, find_coco_parts, looks_like_coco
from datasets.formats.coco_repair import Repair
from datasets.formats.coco_segmentation import check_drawable
from datasets.formats.coco_values import check_coordinates
from datasets.formats.dataset_folder import looks_like_dataset, mask_path
from datasets.formats.layouts.tree import GOOD
from datasets.formats.listed_image import check_listed_size
from datasets.images.image_file import is_image
from datasets.masks.rle import rle_area, to_rle
from datasets.masks.run_lengths import covers_image
from system.errors import InputError
from system.exclude import NOTHING, Excluder

SAME_CODE = ("box-form", "box-outlier", "category-order", "inner-ring", "no-ending", "rotated-box", "short-ring")
CHECK_CODE = {  # code of a repair -> code of its finding; other repairs have separate checks
    "area-recomputed": "impossible-area",
    "box-from-mask": "box-and-mask",
    "swapped-axes": "swapped-axes",
    **{code: code for code in SAME_CODE},
}


class CocoEntry(Entry, frozen=True, kw_only=True):
    """A listed image; `mask` is the path of its pixel mask, None if the dataset has no pixel masks."""

    image: Image
    annotations: list[AnnotationFacts]
    mask_name: str
    mask: str | None


class CocoFolder(msgspec.Struct, frozen=True):
    """A COCO dataset folder."""

    name: str = "COCO dataset folder"
    upright_only: bool = True

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[CocoEntry] | None:
        """The images of all splits with their annotations, None if `root` is not a dataset folder.

        Raises InputError if no COCO file can be read.
        """
        return _list(root, root, exclude) if looks_like_dataset(root) else None

    def read(self, entry: CocoEntry, width: int, height: int) -> Reading:
        """The annotations of one image.

        Findings for those that cannot be drawn, and for a mask that does not fit.
        """
        return _read_entry(entry, (width, height))

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether there are several splits."""
        return has_several_splits(images)

    def check_together(self, facts: Facts) -> list[Finding]:  # noqa: ARG002
        """No findings."""
        return []


class CocoExportFormat(CocoFolder, frozen=True):
    """A COCO file, or the export of another tool."""

    name: str = "COCO export"

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[CocoEntry] | None:
        """The images of all splits with their annotations, None if `root` is not a COCO file or export.

        Raises InputError if no COCO file can be read.
        """
        is_export = root.suffix.lower() == ".json" if root.is_file() else looks_like_coco(root)
        return _list(root, root.parent if root.is_file() else root, exclude) if is_export else None


def _list(root: Path, folder: Path, exclude: Excluder) -> Listing[CocoEntry]:
    findings: list[Finding] = []
    files: dict[CocoPart, ReadCoco] = {}  # without the shape of each annotation
    image_files: dict[CocoPart, list[FoundImage | None]] = {}
    entries: PackedList[CocoEntry] = PackedList()
    masked, all_read = any((folder / "masks").rglob("*.png")), True
    for part in find_coco_parts(root):
        name = part.file.relative_to(folder).as_posix()
        read, problems = _read(root, part.file, exclude)
        findings += [Finding(name, "", code, problem) for code, problem in problems]
        all_read = all_read and not problems
        if read is None:
            continue
        image_files[part] = find_images(root, part, read)
        repairs = list(read.repairs)
        for entry in _entries(folder, part, read, image_files[part], masked=masked, repairs=repairs):
            entries.append(entry)
            if entry.path is None:
                error = missing_image(root, entry.name)
                findings.append(Finding(str(error.where), "", "missing-picture", error.problem))
            if not read.is_labelled and not is_ours(folder):
                findings.append(Finding(entry.name, "", "unlabelled", f"no annotations in {part.file.name}"))
        findings += _as_findings(repairs)
        files[part] = _without_shapes(read)
    if not files:
        return Listing([], [], findings)
    findings += check_whole(root, files, image_files, is_labelled=is_ours(folder)) if all_read else []
    joined, _, repairs = join_categories([(part, read.coco) for part, read in files.items()])
    findings += _as_findings(repairs)
    names: Counter[str] = Counter()  # categories with the same name count separately
    for read in files.values():
        names |= Counter(read.coco.names().values())
    kept = {category.name for category in joined}  # without those that only group the others
    names = Counter({name: times for name, times in names.items() if category_name(name) in kept})
    readable = all(finding.code != "unreadable-labels" for finding in findings)
    findings += find_lonely_masks(folder, (entry.name for entry in entries)) if masked and readable else []
    paths = (str(file.path) for of_part in image_files.values() for file in of_part if file is not None)
    findings += links_outside(root, paths, own_folders(root, files))
    findings += [*_check_ids(files), *same_stems(entry.name for entry in entries)]
    return Listing(entries, sorted(names.elements()), findings)


def _read(root: Path, path: Path, exclude: Excluder) -> tuple[ReadCoco | None, list[tuple[str, str]]]:
    """Read a COCO file: repaired, or unrepaired if its ids are broken, or None.

    And (code, problem) of each fault.
    """
    try:
        read = with_plain_names(read_unchecked_coco(path, unlabelled_ok=True))
        read = without_excluded(read, root, exclude)
    except InputError as error:
        return None, [("unreadable-labels", error.problem)]
    try:
        repaired = check_and_repair(path, read, flat_ok=True)
    except InputError as error:
        return read, [("broken-reference", error.problem)]
    try:
        notes = check_coordinates(path, repaired.coco)
    except InputError as error:
        return repaired, [("unusable-dataset", error.problem)]
    return replace(repaired, repairs=repaired.repairs + notes), []


def _as_findings(repairs: Iterable[Repair]) -> list[Finding]:
    return [Finding(r.file, r.where, CHECK_CODE[r.code], r.value) for r in repairs if r.code in CHECK_CODE]


def _check_ids(files: Mapping[CocoPart, ReadCoco]) -> list[Finding]:
    """A finding for each file that uses image ids of the files before it."""
    used: set[int] = set()
    findings = []
    for part, read in files.items():
        ids = {image.id for image in read.coco.images}
        if shared := ids & used:
            value = f"{len(shared)} image ids of other splits, such as {min(shared)}"
            findings.append(Finding(f"{part.file.parent.name}/{part.file.name}", "", "ids-restart", value))
        used |= ids
    return findings


def _read_entry(entry: CocoEntry, size: tuple[int, int]) -> Reading:
    image = entry.image
    listed = (image.width, image.height)
    annotations = [a if _has_pixels(a, listed) else replace(a, area=0) for a in entry.annotations]
    findings: list[Finding] = []
    try:
        check_listed_size(Path(entry.name), size if min(size) > 0 else listed, listed)
    except InputError as error:
        findings.append(Finding(entry.name, "", "size-mismatch", error.problem))
    for annotation in [] if findings else annotations:
        try:
            check_drawable(entry.name, image, annotation.segmentation or [])
        except InputError as error:
            findings.append(Finding(entry.name, annotation.where, "bad-mask", error.problem))
    if entry.mask is not None:
        wanted = size if min(size) > 0 else listed
        findings += check_pixel_mask(entry.mask_name, Path(entry.mask), entry.name, wanted)
    return Reading(annotations, findings)


def _has_pixels(annotation: AnnotationFacts, size: tuple[int, int]) -> bool:
    """Whether the mask has an area, independent of `annotation.area`; `size` is (width, height) in pixels."""
    segmentation = annotation.segmentation
    if isinstance(segmentation, Rle):
        rle = to_rle(segmentation, *size[::-1]) if covers_image(segmentation, *size[::-1]) else None
        return rle is None or rle_area(rle) > 0
    rings = [list(zip(ring[::2], ring[1::2], strict=False)) for ring in segmentation or []]
    return not rings or any(ring_area(ring) > 0 for ring in rings)


def _entries(
    folder: Path,
    part: CocoPart,
    read: ReadCoco,
    image_files: Sequence[FoundImage | None],
    *,
    masked: bool,
    repairs: list[Repair],
) -> Iterator[CocoEntry]:
    """The images of a COCO file below `folder`; names without an image extension are added to `repairs`."""
    names = read.coco.names()
    annotations: dict[int, list[AnnotationFacts]] = {}
    for a in read.coco.annotations:
        category = names.get(a.category_id, f"category {a.category_id}")
        where, is_ignored = f"annotation {a.id}", bool(a.iscrowd)
        facts = AnnotationFacts(where, category, a.bbox, a.area, a.segmentation or None, is_ignored)
        annotations.setdefault(a.image_id, []).append(facts)
    for image, file in zip(read.coco.images, image_files, strict=True):
        mask = mask_path(folder, image.file_name)
        if file is not None and not is_image(file.name):
            repairs.append(Repair(image.file_name, "", "no-ending", "Ultralytics and labelme do not list it"))
        is_good = Path(image.file_name).parent.name == GOOD
        yield CocoEntry(
            name=image.file_name,
            path=str(file.path) if file is not None else None,
            split=part.split or SPLITS[0],
            is_good=is_good,
            image=image,
            annotations=annotations.get(image.id, []),
            mask_name=mask.relative_to(folder).as_posix(),
            mask=str(mask) if masked else None,
        )


def _without_shapes(read: ReadCoco) -> ReadCoco:
    """The file with one object for all annotations of a type, which is enough for the checks of all files."""
    shared: dict[tuple[int, int], Annotation] = {}
    kept = [shared.setdefault((a.category_id, a.iscrowd), a) for a in read.coco.annotations]
    return replace(read, coco=replace(read.coco, annotations=kept))
