"""Take the corrections of labelme files back into a dataset: a new folder beside it takes its place at once."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from annotate.corrected_image import CorrectedImage, ImageCorrector
from annotate.correction import MANIFEST, Correction, check_correctable, contents_of, read_correction
from convert.coco_instances import image_instances
from datasets.coco import Annotation, CocoFile, Image
from datasets.formats.coco_file import write_coco
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset, mask_path
from datasets.formats.labelme import SUFFIX
from datasets.formats.labelme_document import read_document
from datasets.formats.provenance import PROVENANCE, content_hash, make_provenance, write_provenance
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from system.errors import InputError
from system.files import link_or_copy, new_folder
from system.json_file import write_json

EARLIER = ".before"  # folder of the annotation files that a correction replaced


class Applied(msgspec.Struct, frozen=True):
    """Numbers of changed images, of annotations by what happened to them, and of proposals that nobody
    reviewed."""

    images: int
    kept: int
    changed: int
    added: int
    removed: int
    dropped: int


def apply_correction(root: Path, folder: Path) -> Applied:
    """Replace the annotations of the corrected images in the dataset `root`, and the pixel masks of changed
    images.

    Images, splits and every annotation that was not touched stay the same, with their ids; new annotations get the
    next free ids. dataset.json records the correction, `folder` keeps the former annotation files. Nothing is
    written if nothing changed, or on an error. Raises InputError if the dataset changed since the images were
    opened, if the correction was applied before, for a
    labelme file of another image, and as `ImageCorrector.correct`; OutputError if the dataset
    cannot be replaced.
    """
    correction = read_correction(folder)
    if correction.applied:
        raise InputError(folder, "this correction was applied before", "open images again with annotate correct")
    dataset = load_dataset(root)
    check_correctable(dataset)
    if contents_of(dataset) != correction.contents:
        problem = f"{root} changed since its images were opened"
        raise InputError(folder, problem, "open them again in another folder, and copy the corrections")
    corrected = _corrected(dataset, correction, folder)
    changed = {name: one for name, one in corrected.items() if one.is_changed}
    counts = [sum(getattr(one, field) for one in corrected.values()) for field in Applied.__struct_fields__[1:]]
    applied = Applied(len(changed), *counts)
    if not changed:
        return applied
    splits = _numbered(dataset, changed)
    with new_folder(root, overwrite=True, marker=PROVENANCE) as partial:
        skipped = {annotation_path(root, split) for split in splits} | {root / PROVENANCE}
        skipped |= {mask_path(root, name) for name in changed}
        for path in _files_below(root):
            if path not in skipped:
                _take_over(path, partial / path.relative_to(root))
        for split, coco in splits.items():
            path = annotation_path(partial, split)
            path.parent.mkdir(exist_ok=True)
            write_coco(path, coco)
        for coco in splits.values():
            of_image = coco.by_image()
            for image in coco.images:
                if image.file_name in changed and mask_path(root, image.file_name).is_file():
                    _write_mask(partial, image, of_image[image.id])
        _write_provenance(partial, dataset, splits, correction, sorted(changed), applied)
        _keep_earlier(root, folder, list(splits))
        if contents_of(dataset) != correction.contents:
            raise InputError(root, "changed while the correction was applied", "repeat the command")
    write_json(folder / MANIFEST, msgspec.structs.replace(correction, applied=True))
    return applied


def _corrected(dataset: Dataset, correction: Correction, folder: Path) -> dict[str, CorrectedImage]:
    options = dataset.provenance.options if dataset.provenance else {}
    asked = options.get("segmentation")
    form = asked if asked in {"polygon", "auto"} else "rle"
    annotations = [a for coco in dataset.splits.values() for a in coco.annotations]
    boxes_only = bool(annotations) and not any(a.segmentation for a in annotations)
    ids = {category.name: category.id for category in dataset.categories}
    corrector = msgspec.convert({"ids": ids, "segmentation": form, "boxes_only": boxes_only}, ImageCorrector)
    corrected = {}
    wanted = set(correction.images)
    _check_names(dataset, wanted, folder)
    for coco in dataset.splits.values():
        of_image = coco.by_image()
        for image in coco.images:
            if image.file_name in wanted:
                document = read_document((folder / image.file_name).with_suffix(".json"))
                corrected[image.file_name] = corrector.correct(document, image, of_image[image.id])
    return corrected


def _check_names(dataset: Dataset, wanted: set[str], folder: Path) -> None:
    """Raise InputError for the first name in the manifest that the dataset does not have, and for the first
    labelme file of another image: what it contains would not be taken back."""
    images = {image.file_name for coco in dataset.splits.values() for image in coco.images}
    for name in sorted(wanted - images):
        raise InputError(folder / MANIFEST, f"{name!r} is not an image of {dataset.root}", "open the images again")
    files = {Path(name).with_suffix(SUFFIX) for name in wanted}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        place = path.relative_to(folder)
        if place not in files and not any(part.startswith(".") for part in place.parts):
            remedy = (
                f"move it away, or open its image with annotate correct {dataset.root} IMAGE and draw it there"
            )
            raise InputError(path, "its image was not opened by this correction", remedy)


def _numbered(dataset: Dataset, changed: Mapping[str, CorrectedImage]) -> dict[str, CocoFile]:
    """The splits with the annotations of changed images replaced in their place; new ones follow at the end."""
    free = 1 + max((a.id for coco in dataset.splits.values() for a in coco.annotations), default=0)
    splits = {}
    for split, coco in dataset.splits.items():
        names = {image.id: image.file_name for image in coco.images}
        members = {name: changed[name] for name in names.values() if name in changed}
        now = {a.id: a for one in members.values() for a in one.annotations if a.id}
        kept = [now.get(a.id, a) for a in coco.annotations if names[a.image_id] not in members or a.id in now]
        added = [a for one in members.values() for a in one.annotations if not a.id]
        numbered = [msgspec.structs.replace(a, id=free + k) for k, a in enumerate(added)]
        free += len(added)
        splits[split] = msgspec.structs.replace(coco, annotations=[*kept, *numbered])
    return splits


def _write_mask(root: Path, image: Image, annotations: list[Annotation]) -> None:
    made = image_instances(image, annotations, "ignore", as_rle=True)
    mask = paint(image.height, image.width, made.painted)[0] if made.painted else None
    write_pixel_mask(mask_path(root, image.file_name), mask, image.height, image.width)


def _write_provenance(
    partial: Path,
    dataset: Dataset,
    splits: Mapping[str, CocoFile],
    correction: Correction,
    changed: list[str],
    applied: Applied,
) -> None:
    before = dataset.provenance
    assert before is not None  # check_correctable refuses a dataset without
    hashes = [("before", before.content_sha256)]
    for split in splits:
        path = annotation_path(partial, split)
        hashes.append((path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
    made = make_provenance(
        before.tool,
        before.sources,
        before.options,
        {split: coco.images for split, coco in splits.items()},
        [(a.image_id, a.category_id, a.iscrowd) for coco in splits.values() for a in coco.annotations],
        dataset.categories,
        before.lost,
        content_hash(hashes),
        before.intensities,
    )
    entry: dict[str, object] = {"run": correction.run, "changed_images": changed, **msgspec.to_builtins(applied)}
    entry |= {"content_sha256_before": before.content_sha256}
    write_provenance(
        partial,
        msgspec.structs.replace(
            before,
            counts=made.counts,
            content_sha256=made.content_sha256,
            corrections=[*before.corrections, entry],
        ),
    )


def _keep_earlier(root: Path, folder: Path, splits: list[str]) -> None:
    """Keep the files that are replaced in the next free folder `before-N`."""
    number = next(n for n in range(1, 1_000_000) if not (folder / f"{EARLIER}-{n}").exists())
    kept = folder / f"{EARLIER}-{number}"
    kept.mkdir()
    for path in (*(annotation_path(root, split) for split in splits), root / PROVENANCE):
        link_or_copy(path, kept / path.name)


def _files_below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            yield Path(folder) / name


def _take_over(path: Path, target: Path) -> None:
    """A hard link of a file, or the same symbolic link, in the new folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        target.symlink_to(path.readlink())
    else:
        link_or_copy(path, target)
