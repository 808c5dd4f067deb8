"""The hub: a COCO dataset folder with annotations, images, pixel masks and where it all came from."""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datasets import __version__
from datasets.coco import Annotation, Category, CocoFile, Image, read_coco, write_coco
from datasets.images.index_png import encode_index_png, encode_packed_png
from datasets.splits import SPLITS
from system.errors import InputError
from system.files import write_atomic, write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datasets.masks.packed_mask import PackedMask

PROVENANCE = "dataset.json"
FORMAT = "defectline-dataset/1"
PALETTE = (0, 0, 0, 230, 159, 0, 86, 180, 233, 0, 158, 115, 240, 228, 66, 0, 114, 178, 213, 94, 0, 204, 121, 167)


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What made a dataset: no time, no absolute path, so that the same input gives the same bytes.

    `pasted` says of each pasted image which image and annotations it was made of.
    """

    format: str
    tool: str
    version: str
    sources: list[str]
    options: dict[str, Any]
    counts: dict[str, Any]
    lost: list[dict[str, Any]]
    content_sha256: str
    pasted: list[dict[str, Any]] = []


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


def mask_name(file_name: str) -> str:
    """The name of the pixel mask of an image, relative to `masks`."""
    return f"{posixpath.splitext(file_name)[0]}.png"


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
    provenance = None
    if (root / PROVENANCE).is_file():
        try:
            provenance = msgspec.json.decode((root / PROVENANCE).read_bytes(), type=Provenance)
        except msgspec.MsgspecError as error:
            raise InputError(root / PROVENANCE, f"not as defectline writes it: {error}", "convert anew") from None
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


def make_provenance(
    tool: str,
    sources: list[str],
    options: dict[str, Any],
    members: Mapping[str, Sequence[Image]],
    annotated: Iterable[tuple[int, int]],
    categories: Sequence[Category],
    lost: list[dict[str, Any]],
    content_sha256: str,
) -> Provenance:
    """The provenance of a dataset, with its images, negatives and annotations counted per split and type.

    `annotated` has (image id, category id) of each annotation.
    """
    split_of = {image.id: split for split, images in members.items() for image in images}
    defective: set[int] = set()
    per_type: Counter[tuple[str, int]] = Counter()
    for image_id, category_id in annotated:
        defective.add(image_id)
        per_type[split_of[image_id], category_id] += 1
    counts = {
        split: {
            "images": len(images),
            "negatives": sum(image.id not in defective for image in images),
            "annotations": {c.name: per_type[split, c.id] for c in categories},
        }
        for split, images in members.items()
    }
    return Provenance(FORMAT, tool, __version__, sources, options, counts, lost, content_sha256)


def write_provenance(root: Path, provenance: Provenance) -> None:
    """Write `dataset.json`, indented for people."""
    write_atomic(root / PROVENANCE, msgspec.json.format(msgspec.json.encode(provenance), indent=2) + b"\n")


def write_pixel_mask(path: Path, indices: "NDArray[np.uint8] | None", height: int, width: int) -> None:
    """Write an index PNG: 0 background, k the k-th category in id order; None is all background."""
    data = _blank_png(height, width) if indices is None else encode_index_png(indices, PALETTE)
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_packed_mask(path: str, mask: "PackedMask | None", height: int, width: int) -> None:
    """`write_pixel_mask` of a mask that was painted as it is stored. The folder of `path` must exist."""
    data = _blank_png(height, width) if mask is None else _packed_png(mask)
    write_file(path, data)


def content_hash(parts: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (file name, SHA-256 of the content) of every file, in the order of the names."""
    digest = hashlib.sha256()
    for name, sha256 in sorted(parts):
        digest.update(f"{name}\0{sha256}\n".encode())
    return digest.hexdigest()


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


def _packed_png(mask: "PackedMask") -> bytes:
    import numpy as np

    rows = mask.rows.view(np.uint8)
    return encode_packed_png(mask.height, mask.width, mask.bits, mask.top, rows, PALETTE)


@cache
def _blank_png(height: int, width: int) -> bytes:
    import numpy as np

    return encode_packed_png(height, width, 1, 0, np.zeros((0, -(-width // 8)), np.uint8), PALETTE)
