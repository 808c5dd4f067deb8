"""Read the COCO export of any tool as one list of images, with splits, joined categories and image paths.

All readers of foreign COCO files use this module: the conversions from COCO, `datasets check`, `datasets summary`.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.coco import SPLITS, Annotation, Category, Image
from datasets.formats.box_form import BoxForm
from datasets.formats.coco_categories import join_categories
from datasets.formats.coco_file import ReadCoco, check_and_repair, read_unchecked_coco
from datasets.formats.coco_images import FoundImage, ending_of_content, find_image, image_folders, plain_name
from datasets.formats.coco_layout import CocoPart, find_coco_parts
from datasets.formats.coco_repair import Repair
from datasets.formats.coco_values import check_coordinates, with_boxes_of
from datasets.formats.file_names import fold_stem
from datasets.formats.provenance import PROVENANCE
from datasets.images.image_file import is_image
from system.errors import InputError
from system.exclude import NOTHING, Excluder

IMAGES = "images/"


class ExportImage(msgspec.Struct, frozen=True):
    """One image: `image` and `annotations` of the file, with ids and names that are unique in the export.

    `path` is None if no image file was found, `is_labelled` False where its COCO file labels nothing.
    """

    image: Image
    path: Path | None
    split: str | None
    annotations: list[Annotation]
    is_labelled: bool = True


class CocoExport(msgspec.Struct, frozen=True):
    """An export: images in the order of the files, categories in id order, repairs made while reading."""

    path: Path
    parts: list[CocoPart]
    categories: list[Category]
    images: list[ExportImage]
    repairs: list[Repair]

    @property
    def splits(self) -> list[str]:
        """The splits named by the COCO files, in the order train, val, test."""
        return [split for split in SPLITS if any(part.split == split for part in self.parts)]


def read_coco_export(
    path: Path,
    images: Path | None = None,
    named: Sequence[str] = (),
    exclude: Excluder = NOTHING,
    *,
    boxes: BoxForm | None = None,
) -> CocoExport:
    """Read the COCO file, folder or export `path`; `images` is a further folder of images.

    `named` has "split=file" items (see `find_coco_parts`). Categories with the same name are joined. Images that
    `exclude` excludes are left out with their annotations. `boxes` states the form of the boxes; None means
    x y w h unless that is obviously wrong. Raises InputError if a file cannot be read or two files list the same
    image, OptionError for a wrong item of `named`.
    """
    parts = find_coco_parts(path, named)
    if images is not None and not images.is_dir():
        raise InputError(images, "no such folder", "name the folder of the images with --images")
    read = [_read_part(path, part, exclude, boxes) for part in parts]
    if is_ours(path):
        read = [msgspec.structs.replace(one, is_labelled=True) for one in read]
    categories, ids, repairs = join_categories(list(zip(parts, [one.coco for one in read], strict=True)))
    image_files = [find_images(path, part, one, images) for part, one in zip(parts, read, strict=True)]
    for part, one, of_part in zip(parts, read, image_files, strict=True):
        check_described_once(part, one, of_part)
    entries, changes = name_entries(parts, read, image_files)
    repairs += [repair for one in read for repair in one.repairs] + changes
    members = []
    for part, one, renumber, named_images in zip(parts, read, ids, entries, strict=True):
        annotations = one.coco.by_image()
        for old, (image, file) in zip(one.coco.images, named_images, strict=True):
            own = [
                msgspec.structs.replace(a, image_id=image.id, category_id=renumber[a.category_id])
                if (image.id, renumber[a.category_id]) != (a.image_id, a.category_id)
                else a
                for a in annotations[old.id]
            ]
            members.append(ExportImage(image, file.path if file else None, part.split, own, one.is_labelled))
    return CocoExport(path, parts, categories, members, repairs)


def is_ours(folder: Path) -> bool:
    """Whether defectline wrote the folder; its images count as labelled even if all of them are good."""
    return (folder / PROVENANCE).is_file()


def with_plain_names(read: ReadCoco) -> ReadCoco:
    """The file with file names as `plain_name` returns them."""
    images = [msgspec.structs.replace(image, file_name=plain_name(image.file_name)) for image in read.coco.images]
    if images == read.coco.images:
        return read
    return msgspec.structs.replace(read, coco=msgspec.structs.replace(read.coco, images=images))


def _read_part(root: Path, part: CocoPart, exclude: Excluder, boxes: BoxForm | None) -> ReadCoco:
    read = without_excluded(with_plain_names(read_unchecked_coco(part.file, unlabelled_ok=True)), root, exclude)
    if boxes is not None:
        read = msgspec.structs.replace(read, coco=with_boxes_of(read.coco, boxes))
    repaired = check_and_repair(part.file, read, flat_ok=True)
    notes = check_coordinates(part.file, repaired.coco, is_form_stated=boxes is not None)
    return msgspec.structs.replace(repaired, repairs=repaired.repairs + notes) if notes else repaired


def without_excluded(read: ReadCoco, root: Path, exclude: Excluder) -> ReadCoco:
    """The file without images whose stated name is excluded, and without their annotations."""
    kept = [image for image in read.coco.images if not exclude.excludes(root, image.file_name)]
    if len(kept) == len(read.coco.images):
        return read
    left_out = {image.id for image in read.coco.images} - {image.id for image in kept}
    annotations = [a for a in read.coco.annotations if a.image_id not in left_out]
    coco = msgspec.structs.replace(read.coco, images=kept, annotations=annotations)
    return msgspec.structs.replace(read, coco=coco)


def find_images(root: Path, part: CocoPart, read: ReadCoco, given: Path | None = None) -> list[FoundImage | None]:
    """The image file of each entry of a COCO file, None if it is missing; `given` as in `image_folders`."""
    folders = image_folders(part, root, given)
    return [find_image(folders, image.file_name) for image in read.coco.images]


def check_described_once(part: CocoPart, read: ReadCoco, image_files: Sequence[FoundImage | None]) -> None:
    """Raise InputError if two entries of a COCO file have one image file; `image_files` has that of each."""
    first: dict[Path, str] = {}
    for image, file in zip(read.coco.images, image_files, strict=True):
        if file is None:
            continue
        if file.path in first:
            problem = f"{first[file.path]} and {image.file_name} both describe {file.path}"
            raise InputError(part.file, problem, "list each image once, or name the folder with --images")
        first[file.path] = image.file_name


def name_entries(
    parts: Sequence[CocoPart], read: Sequence[ReadCoco], image_files: Sequence[Sequence[FoundImage | None]]
) -> tuple[list[list[tuple[Image, FoundImage | None]]], list[Repair]]:
    """The entries with unique ids and names and their image files, for each COCO file; and repairs.

    Raises InputError if two COCO files list one image, or names cannot be made unique.
    """
    _check_listed_once(parts, image_files)
    images = [one.coco.images for one in read]
    repairs: list[Repair] = []
    names = []
    for part, entries, files in zip(parts, images, image_files, strict=True):
        own = []
        for image, file in zip(entries, files, strict=True):
            name = image.file_name if file is None else file.name
            if file is not None and file.moved:
                repairs.append(Repair(image.file_name, part.file.name, "image-moved", file.path.name))
            if file is not None and not is_image(name) and (ending := ending_of_content(file.path)):
                repairs.append(Repair(image.file_name, part.file.name, "no-ending", name + ending))
                name += ending
            own.append(name)
        names.append(own)
    if all(image.file_name.startswith(IMAGES) for own in images for image in own):  # as in Label Studio's exports
        names = [[name.removeprefix(IMAGES) for name in own] for own in names]
    if _are_ambiguous(names):
        names = [[f"{_prefix(part)}/{name}" for name in own] for part, own in zip(parts, names, strict=True)]
        if _has_twice(name for own in names for name in own):
            times = Counter(name for own in names for name in own)
            problem = f"several images would be called {max(times, key=lambda name: times[name])}"
            raise InputError(parts[0].file.parent, problem, "convert its files one by one")
    ids_clash = _has_twice(image.id for entries in images for image in entries)
    entries_of: list[list[tuple[Image, FoundImage | None]]] = []
    number = 0
    for entries, files, own in zip(images, image_files, names, strict=True):
        renamed = []
        for image, file, name in zip(entries, files, own, strict=True):
            number += 1
            new_id = number if ids_clash else image.id
            renamed.append((msgspec.structs.replace(image, id=new_id, file_name=name), file))
        entries_of.append(renamed)
    return entries_of, repairs


def _are_ambiguous(names: Sequence[Sequence[str]]) -> bool:
    """Whether a name occurs twice, or two of different files have one `fold_stem`."""
    stems = (stem for own in names for stem in {fold_stem(name) for name in own})
    return _has_twice(stems) or _has_twice(name for own in names for name in own)


def _check_listed_once(parts: Sequence[CocoPart], image_files: Sequence[Sequence[FoundImage | None]]) -> None:
    home: dict[Path, CocoPart] = {}
    for part, files in zip(parts, image_files, strict=True):
        for file in filter(None, files):
            if file.path in home:
                problem = f"{file.path} is also listed in {home[file.path].file.name}"
                raise InputError(part.file, problem, "keep it in one split")
            home[file.path] = part


def _prefix(part: CocoPart) -> str:
    """The prefix for image names that occur in several files: the split, or the name of the file or its folder."""
    return part.split or (part.file.parent.name if part.tag.startswith("_") else part.tag)


def _has_twice(values: Iterable[Hashable]) -> bool:
    return any(times > 1 for times in Counter(values).values())
