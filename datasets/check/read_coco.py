"""What `datasets check` reads of a COCO dataset folder: what its files list, what lies there, what does not."""

from collections import Counter
from pathlib import Path

from msgspec.structs import replace

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Instance, Listing, ring_area
from datasets.coco import SPLITS, CocoFile, Rle
from datasets.formats.coco_file import check_coco, read_unchecked_coco
from datasets.formats.dataset_folder import annotation_path, looks_like_dataset, mask_path
from datasets.formats.mvtec import GOOD
from datasets.images.image_file import is_image, read_info
from datasets.masks.rle import rle_area, to_rle
from datasets.masks.run_lengths import covers_image
from system.errors import InputError


def list_coco(root: Path) -> Listing | None:
    """Images of all splits with their annotations, None where `root` is no dataset folder.

    Raises InputError where not one of its COCO files can be read.
    """
    if not looks_like_dataset(root):
        return None
    findings: list[Finding] = []
    files: dict[str, CocoFile] = {}
    for split in SPLITS:
        path = annotation_path(root, split)
        if path.is_file():
            try:
                files[split] = read_unchecked_coco(path)
                check_coco(path, files[split])
            except InputError as error:
                code = "broken-reference" if split in files else "unreadable-labels"
                findings.append(Finding(path.relative_to(root).as_posix(), "", code, error.problem))
    if not files:
        raise InputError(root, f"no COCO file can be read ({findings[0].value})", "convert anew")
    masked = any((root / "masks").rglob("*.png"))
    entries = [entry for split, coco in files.items() for entry in _entries(root, split, coco, masked=masked)]
    names: Counter[str] = Counter()  # two categories of one name are two
    for coco in files.values():
        names |= Counter(coco.names().values())
    all_read = all(finding.code != "unreadable-labels" for finding in findings)
    findings += _lonely_masks(root, entries) if masked and all_read else []
    return Listing(entries, sorted(names.elements()), findings)


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


def _entries(root: Path, split: str, coco: CocoFile, *, masked: bool) -> list[Entry]:
    names = coco.names()
    instances: dict[int, list[Instance]] = {}
    for a in coco.annotations:
        category = names.get(a.category_id, f"category {a.category_id}")
        found = Instance(f"annotation {a.id}", category, a.bbox, a.area, a.segmentation or None)
        instances.setdefault(a.image_id, []).append(found)
    entries = []
    for image in coco.images:
        mask = mask_path(root, image.file_name)
        size = (image.width, image.height)
        mask_of = (mask.relative_to(root).as_posix(), str(mask) if masked else None)
        details = (size, instances.get(image.id, []), *mask_of)
        is_good = Path(image.file_name).parent.name == GOOD
        entries.append(Entry(image.file_name, str(root / "images" / image.file_name), split, is_good, details))
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
