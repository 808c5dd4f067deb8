"""The hub: a COCO dataset folder with annotations, images, pixel masks and where it all came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import SPLITS, Annotation, Category, CocoFile, Image
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.provenance import PROVENANCE, Provenance
from datasets.masks.pixel_mask import mask_name
from system.errors import InputError
from system.json_file import read_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Dataset(msgspec.Struct, frozen=True):
    """A dataset folder and its splits; `elsewhere` says of an image that is not in its `images` where it lies."""

    root: Path
    splits: dict[str, CocoFile]
    provenance: Provenance | None
    elsewhere: dict[str, Path] = {}

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.root.resolve().name

    @property
    def categories(self) -> list[Category]:
        """Categories in id order, the same in every split."""
        first = next(iter(self.splits.values()))
        return sorted(first.categories, key=lambda c: c.id)

    def split(self, name: str) -> CocoFile:
        """One split. Raises InputError where there is none or it has no image."""
        if name not in self.splits or not self.splits[name].images:
            have = ", ".join(n for n, coco in self.splits.items() if coco.images)
            raise InputError(self.root, f"the split {name} has no image", f"name one of {have}")
        return self.splits[name]

    def images(self, split: str) -> list[Image]:
        """The images of a split; none where there is no such split."""
        return self.splits[split].images if split in self.splits else []

    def image_path(self, image: Image) -> Path:
        """Where the picture lies."""
        return self.elsewhere.get(image.file_name) or self.root / "images" / image.file_name

    def read_image(self, image: Image) -> "NDArray[np.uint8]":
        """Its pixels, H x W x 3 RGB. Raises InputError, also where the picture is not as large as listed."""
        from datasets.images.image_file import read_sized

        return read_sized(self.image_path(image), image.width, image.height)

    def mask_path(self, image: Image) -> Path:
        """Where the pixel mask lies."""
        return mask_path(self.root, image.file_name)


def annotation_path(root: Path, split: str) -> Path:
    """Where the COCO file of a split lies."""
    return root / "annotations" / f"instances_{split}.json"


def mask_path(root: Path, file_name: str) -> Path:
    """Where the pixel mask of an image lies: the same relative path, always a PNG."""
    return root / "masks" / mask_name(file_name)


def looks_like_dataset(path: Path) -> bool:
    """Whether `path` is a COCO dataset folder."""
    return any(annotation_path(path, split).is_file() for split in SPLITS)


def load_dataset(root: Path, *, flat_ok: bool = False) -> Dataset:
    """Read a dataset folder and check that its splits agree and its pictures exist; `flat_ok` as in `read_coco`.

    Raises InputError.
    """
    if not root.is_dir():
        raise InputError(root, "no such folder", "name a dataset folder made by convert")
    found = [s for s in SPLITS if annotation_path(root, s).is_file()]
    splits = {s: read_coco(annotation_path(root, s), flat_ok=flat_ok) for s in found}
    if not splits:
        raise InputError(root, "not a dataset folder (no annotations/instances_*.json)", "make one with convert")
    _check_splits(root, splits)
    path = root / PROVENANCE
    provenance = read_json(path, Provenance, remedy="convert again") if path.is_file() else None
    return Dataset(root, splits, provenance)


def write_annotations(
    root: Path, images: Mapping[str, list[Image]], annotations: list[Annotation], categories: list[Category]
) -> None:
    """Write one COCO file per split into the folder `root`; `images` is split -> images in id order."""
    (root / "annotations").mkdir()
    for split, members in images.items():
        ids = {image.id for image in members}
        chosen = [a for a in annotations if a.image_id in ids]
        write_coco(annotation_path(root, split), CocoFile(members, chosen, categories))


def _check_splits(root: Path, splits: Mapping[str, CocoFile]) -> None:
    first, reference = next(iter(splits.items()))
    home: dict[str, str] = {}
    for split, coco in splits.items():
        path = annotation_path(root, split)
        if coco.names() != reference.names():
            raise InputError(path, f"its categories differ from those of {first}", "convert anew")
        for image in coco.images:
            if image.file_name in home:
                raise InputError(
                    path, f"{image.file_name} is in {home[image.file_name]} too", "keep it in one split"
                )
            home[image.file_name] = split
            if not (root / "images" / image.file_name).is_file():
                raise InputError(
                    root / "images" / image.file_name, f"listed in {path.name} but missing", "convert anew"
                )
