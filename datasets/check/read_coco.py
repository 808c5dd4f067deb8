"""What `datasets check` reads of a COCO dataset folder: what its files list, what lies there, what does not."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from unicodedata import normalize

from msgspec.structs import replace

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Instance, Listing, ring_area
from datasets.coco import SPLITS, Rle
from datasets.formats.coco_export import is_ours, join_categories, with_plain_names
from datasets.formats.coco_file import ReadCoco, check_and_repair, read_unchecked_coco
from datasets.formats.coco_images import find_image, image_folders
from datasets.formats.coco_layout import CocoPart, find_coco_parts, looks_like_coco
from datasets.formats.coco_repair import Repair
from datasets.formats.dataset_folder import looks_like_dataset, mask_path
from datasets.formats.layouts.tree import GOOD
from datasets.images.image_file import is_image, read_info
from datasets.masks.rle import rle_area, to_rle
from datasets.masks.run_lengths import covers_image
from system.errors import InputError

CHECK_CODE = {  # the code of a repair -> that of its finding; other repairs have checks of their own
    "area-recomputed": "impossible-area",
    "box-from-mask": "box-and-mask",
    "category-order": "category-order",
    "no-ending": "no-ending",
    "rotated-box": "rotated-box",
    "short-ring": "short-ring",
}


def list_coco(root: Path) -> Listing | None:
    """Images of all splits with their annotations, None where `root` is no dataset folder.

    Raises InputError where not one of its COCO files can be read.
    """
    return _list(root, root) if looks_like_dataset(root) else None


def list_coco_export(root: Path) -> Listing | None:
    """The same of a COCO file or the export of another tool, None where `root` is neither. Raises InputError."""
    is_export = root.suffix.lower() == ".json" if root.is_file() else looks_like_coco(root)
    return _list(root, root.parent if root.is_file() else root) if is_export else None


def _list(root: Path, folder: Path) -> Listing:
    findings: list[Finding] = []
    files: dict[CocoPart, ReadCoco] = {}
    for part in find_coco_parts(root):
        name = part.file.relative_to(folder).as_posix()
        read, problems = _read(part.file)
        findings += [Finding(name, "", code, problem) for code, problem in problems]
        if read is not None:
            files[part] = read
    if not files:
        raise InputError(root, f"no COCO file can be read ({findings[0].value})", "convert the source again")
    masked = any((folder / "masks").rglob("*.png"))
    entries = []
    for part, read in files.items():
        repairs = list(read.repairs)
        found = _entries(root, folder, part, read, masked=masked, repairs=repairs)
        entries += found
        findings += _as_findings(repairs)
        if not read.is_labelled and not is_ours(folder):
            value = f"no annotations in {part.file.name}"
            findings += [Finding(entry.name, "", "unlabelled", value) for entry in found]
    joined, _, repairs = join_categories([(part, read.coco) for part, read in files.items()])
    findings += _as_findings(repairs)
    names: Counter[str] = Counter()  # two categories of one name are two
    for read in files.values():
        names |= Counter(read.coco.names().values())
    kept = {category.name for category in joined}  # without those that only group the others
    names = Counter({name: times for name, times in names.items() if normalize("NFC", name) in kept})
    all_read = all(finding.code != "unreadable-labels" for finding in findings)
    findings += _lonely_masks(folder, entries) if masked and all_read else []
    findings += [*_check_ids(files), *_check_crowd(files.values()), *_same_stems(entries)]
    return Listing(entries, sorted(names.elements()), findings)


def _read(path: Path) -> tuple[ReadCoco | None, list[tuple[str, str]]]:
    """The file repaired, unrepaired where its ids are broken, None where it cannot be read; codes and problems."""
    try:
        read = with_plain_names(read_unchecked_coco(path, unlabelled_ok=True))
    except InputError as error:
        return None, [("unreadable-labels", error.problem)]
    try:
        return check_and_repair(path, read, flat_ok=True), []
    except InputError as error:
        return read, [("broken-reference", error.problem)]


def _as_findings(repairs: Iterable[Repair]) -> list[Finding]:
    return [Finding(r.file, r.where, CHECK_CODE[r.code], r.value) for r in repairs if r.code in CHECK_CODE]


def _check_crowd(files: Iterable[ReadCoco]) -> list[Finding]:
    """Whether every annotation of a dataset is an ignore region."""
    crowd = [a.iscrowd for read in files for a in read.coco.annotations]
    if not crowd or not all(crowd):
        return []
    return [Finding("(dataset)", "", "all-crowd", f"{len(crowd)} annotations, each with iscrowd 1")]


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


def _same_stems(entries: Sequence[Entry]) -> list[Finding]:
    """Images whose pixel masks, label files and labelme files would have the same name."""
    first: dict[str, str] = {}
    findings = []
    for entry in entries:
        stem = posixpath.splitext(entry.name)[0] if is_image(entry.name) else entry.name
        other = first.setdefault(stem, entry.name)
        if other != entry.name:
            findings.append(Finding(entry.name, "", "ambiguous-pair", f"same name as {other} without the ending"))
    return findings


def read_coco_entry(entry: Entry, width: int, height: int) -> tuple[list[Instance], list[Finding]]:
    """Annotations of one image whose picture has width x height pixels (0 where it cannot be read)."""
    size, read, mask_name, mask = entry.details
    instances = [instance if _has_pixels(instance, size) else replace(instance, area=0) for instance in read]
    if width and tuple(size) != (width, height):
        value = f"{width} x {height}, listed as {size[0]} x {size[1]}"
        findings = [Finding(entry.name, "", "size-mismatch", value)]
    else:
        findings = [
            Finding(entry.name, i.where, "bad-mask", "run lengths do not fill the image")
            for i in instances
            if isinstance(i.segmentation, Rle) and not covers_image(i.segmentation, *size[::-1])
        ]
    if mask is not None:
        findings += _check_mask(mask_name, Path(mask), entry.name, (width, height) if width else tuple(size))
    return instances, findings


def _has_pixels(instance: Instance, size: tuple[int, int]) -> bool:
    """Whether its mask has an area, of which its own number may say otherwise; size is width and height."""
    segmentation = instance.segmentation
    if isinstance(segmentation, Rle):
        rle = to_rle(segmentation, *size[::-1]) if covers_image(segmentation, *size[::-1]) else None
        return rle is None or rle_area(rle) > 0
    rings = [list(zip(ring[::2], ring[1::2], strict=False)) for ring in segmentation or []]
    return not rings or any(ring_area(ring) > 0 for ring in rings)


def _entries(
    root: Path, folder: Path, part: CocoPart, read: ReadCoco, *, masked: bool, repairs: list[Repair]
) -> list[Entry]:
    """The images of a COCO file below `folder`; those without the ending of an image are added to `repairs`."""
    names = read.coco.names()
    instances: dict[int, list[Instance]] = {}
    for a in read.coco.annotations:
        category = names.get(a.category_id, f"category {a.category_id}")
        found = Instance(f"annotation {a.id}", category, a.bbox, a.area, a.segmentation or None)
        instances.setdefault(a.image_id, []).append(found)
    entries = []
    folders = image_folders(part, root, None)
    for image in read.coco.images:
        mask = mask_path(folder, image.file_name)
        size = (image.width, image.height)
        mask_of = (mask.relative_to(folder).as_posix(), str(mask) if masked else None)
        details = (size, instances.get(image.id, []), *mask_of)
        file = find_image(folders, image.file_name)
        path = file.path if file is not None else folder / "images" / image.file_name
        if file is not None and not is_image(file.name):
            repairs.append(Repair(image.file_name, "", "no-ending", "Ultralytics and labelme do not list it"))
        is_good = Path(image.file_name).parent.name == GOOD
        entries.append(Entry(image.file_name, str(path), part.split or SPLITS[0], is_good, details))
    return entries


def _check_mask(name: str, mask: Path, image: str, size: tuple[int, int]) -> list[Finding]:
    if not mask.is_file():
        return [Finding(image, "", "missing-mask", name)]
    try:
        info = read_info(mask)
    except InputError as error:
        return [Finding(name, "", "bad-mask", error.problem)]
    if (info.width, info.height) != size:
        return [Finding(name, "", "mask-size", f"{info.width} x {info.height}, its image {size[0]} x {size[1]}")]
    return []


def _lonely_masks(root: Path, entries: list[Entry]) -> list[Finding]:
    wanted = {mask_path(root, entry.name) for entry in entries}
    masks = sorted(path for path in (root / "masks").rglob("*") if is_image(path))
    lonely = [path.relative_to(root).as_posix() for path in masks if path not in wanted]
    return [Finding(name, "", "unpaired-mask", "no image of this name") for name in lonely]
