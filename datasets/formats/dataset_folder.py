"""A COCO dataset folder: annotations, images, pixel masks and provenance."""

import hashlib
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import SPLITS, Annotation, Category, CocoFile, Image
from datasets.formats.category_names import category_name
from datasets.formats.coco_categories import join_categories
from datasets.formats.coco_export import is_ours
from datasets.formats.coco_file import ReadCoco, check_run_lengths, read_repaired_coco, write_coco
from datasets.formats.coco_images import find_image, image_folders
from datasets.formats.coco_layout import CocoPart
from datasets.formats.coco_repair import Repair
from datasets.formats.coco_values import check_coordinates
from datasets.formats.provenance import PROVENANCE, Provenance
from datasets.images.bit_depth import IntensityRange
from datasets.images.image_file import read_image_bytes
from datasets.masks.pixel_mask import mask_name
from system.errors import InputError
from system.json_file import read_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Dataset(msgspec.Struct, frozen=True):
    """A dataset folder and its splits.

    `elsewhere` is file name -> path of each image that is not in its folder `images`, `repairs` is what reading
    corrected.
    """

    root: Path
    splits: dict[str, CocoFile]
    provenance: Provenance | None
    elsewhere: dict[str, Path] = {}
    repairs: list[Repair] = []

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.root.resolve().name

    @property
    def intensities(self) -> list[IntensityRange]:
        """How images with more than 8 bits per channel are scaled; empty if nothing is recorded."""
        return self.provenance.intensities if self.provenance is not None else []

    @property
    def categories(self) -> list[Category]:
        """Categories in id order, the same in every split."""
        first = next(iter(self.splits.values()))
        return sorted(first.categories, key=lambda c: c.id)

    def split(self, name: str) -> CocoFile:
        """One split. Raises InputError if it does not exist or has no images."""
        if name not in self.splits or not self.splits[name].images:
            have = ", ".join(n for n, coco in self.splits.items() if coco.images)
            raise InputError(self.root, f"the split {name} has no image", f"name one of {have}")
        return self.splits[name]

    def images(self, split: str) -> list[Image]:
        """The images of a split; none where there is no such split."""
        return self.splits[split].images if split in self.splits else []

    def image_path(self, image: Image) -> Path:
        """The path of the image file."""
        return self.elsewhere.get(image.file_name) or self.root / "images" / image.file_name

    def sha256(self, image: Image) -> str:
        """The SHA-256 of the bytes of the image file."""
        return hashlib.sha256(read_image_bytes(self.image_path(image))).hexdigest()

    def read_image(self, image: Image) -> "NDArray[np.uint8]":
        """Its pixels, H x W x 3 RGB. Raises InputError if it cannot be read or has another size than listed."""
        from datasets.images.pixels import read_sized

        return read_sized(self.image_path(image), image.width, image.height, self.intensities)

    def mask_path(self, image: Image) -> Path:
        """The path of the pixel mask."""
        return mask_path(self.root, image.file_name)


def annotation_path(root: Path, split: str) -> Path:
    """The path of the COCO file of a split."""
    return root / "annotations" / f"instances_{split}.json"


def annotations_sha256(root: Path) -> str:
    """The SHA-256 of the annotation files of a dataset folder, one after the other. Raises OSError."""
    digest = hashlib.sha256()
    for path in (annotation_path(root, split) for split in SPLITS):
        if path.is_file():
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def mask_path(root: Path, file_name: str) -> Path:
    """The path of the pixel mask of an image: the same relative path, always a PNG."""
    return root / "masks" / mask_name(file_name)


def looks_like_dataset(path: Path) -> bool:
    """Whether `path` is a COCO dataset folder."""
    return any(annotation_path(path, split).is_file() for split in SPLITS)


def load_dataset(root: Path, *, flat_ok: bool = False) -> Dataset:
    """Read a dataset folder and check that its splits agree and its images exist; `flat_ok` as in `read_coco`.

    Categories of the splits are matched by name, images may also be in `images/<split>`. Raises InputError.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "name a dataset folder made by convert")
    found = [s for s in SPLITS if annotation_path(root, s).is_file()]
    read = {s: read_repaired_coco(annotation_path(root, s), flat_ok=flat_ok) for s in found}
    if not read:
        remedy = "make one with convert, from a COCO export with convert coco2coco"
        raise InputError(root, "not a dataset folder (no annotations/instances_train.json, _val or _test)", remedy)
    _check_names(root, read)
    for split, one in read.items():
        check_run_lengths(annotation_path(root, split), one.coco)
        check_coordinates(annotation_path(root, split), one.coco)
    parts = [CocoPart(annotation_path(root, split), split, split) for split in read]
    splits, changes = _renumbered(parts, read)
    elsewhere = _check_images(root, parts, splits)
    repairs = [*changes, *(repair for one in read.values() for repair in one.repairs)]
    path = root / PROVENANCE
    provenance = read_json(path, Provenance, remedy="convert again") if path.is_file() else None
    return Dataset(root, splits, provenance, elsewhere, repairs)


def write_annotations(
    root: Path, images: Mapping[str, list[Image]], annotations: list[Annotation], categories: list[Category]
) -> None:
    """Write one COCO file per split into the folder `root`; `images` is split -> images in id order."""
    (root / "annotations").mkdir()
    for split, members in images.items():
        ids = {image.id for image in members}
        chosen = [a for a in annotations if a.image_id in ids]
        write_coco(annotation_path(root, split), CocoFile(members, chosen, categories))


def _check_names(root: Path, read: Mapping[str, ReadCoco]) -> None:
    first, reference = next(iter(read.items()))
    wanted = {category_name(category.name) for category in reference.coco.categories}
    for split, one in read.items():
        path = annotation_path(root, split)
        if {category_name(category.name) for category in one.coco.categories} != wanted:
            raise InputError(path, f"its categories differ from those of {first}", "convert the source again")
        if one.coco.images and not one.is_labelled and not is_ours(root):
            problem = "it contains no labels (no annotations and no categories)"
            raise InputError(path, problem, "remove the file, or label its images")


def _renumbered(
    parts: Sequence[CocoPart], read: Mapping[str, ReadCoco]
) -> tuple[dict[str, CocoFile], list[Repair]]:
    """The splits, renumbered to the category ids of the first one."""
    files = [(part, one.coco) for part, one in zip(parts, read.values(), strict=True)]
    categories, ids, repairs = join_categories(files)
    splits = {}
    for (split, one), renumber in zip(read.items(), ids, strict=True):
        coco = one.coco
        if any(old != new for old, new in renumber.items()) or len(categories) != len(coco.categories):
            annotations = [
                msgspec.structs.replace(a, category_id=renumber[a.category_id]) for a in coco.annotations
            ]
            coco = msgspec.structs.replace(coco, annotations=annotations, categories=categories)
        splits[split] = coco
    return splits, repairs


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, the same for all its names; None if there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _check_images(root: Path, parts: Sequence[CocoPart], splits: Mapping[str, CocoFile]) -> dict[str, Path]:
    """File name -> path of each image that is not in the folder `images`."""
    home: dict[str, str] = {}
    files: dict[tuple[int, int], tuple[str, str]] = {}
    elsewhere: dict[str, Path] = {}
    for part, (split, coco) in zip(parts, splits.items(), strict=True):
        folders = None
        for image in coco.images:
            if image.file_name in home:
                problem = f"{image.file_name} is also in {home[image.file_name]}"
                raise InputError(part.file, problem, "keep it in one split")
            home[image.file_name] = split
            if (file := _identity(root / "images" / image.file_name)) is not None:
                other, name = files.setdefault(file, (split, image.file_name))
                if other != split:
                    problem = f"{image.file_name} is the same file as {name} in {other}"
                    raise InputError(part.file, problem, "keep it in one split")
                continue
            folders = folders or image_folders(part, root, None)
            found = find_image(folders, image.file_name)
            if found is None:
                remedy = "restore the file, or convert the source again"
                raise InputError(
                    root / "images" / image.file_name, f"listed in {part.file.name} but missing", remedy
                )
            elsewhere[image.file_name] = found.path
    return elsewhere
