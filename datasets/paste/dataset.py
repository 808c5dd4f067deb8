"""`datasets paste`: a dataset folder with new training images made of its own train split."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import cv2
import msgspec
import numpy as np

from datasets.coco import Annotation, CocoFile, Image
from datasets.formats.coco_file import write_coco
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset, mask_path
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from datasets.masks.component import mask_to_component
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from datasets.masks.rle import decode
from datasets.paste.compose import FOLDER, LeftOut, Origin, Pasted, check_count, paste_images, resolve_place
from datasets.paste.place import Place
from datasets.paste.source import PasteImage, list_paste_images
from system.errors import InputError
from system.files import check_apart, check_destination, link_or_copy, new_folder
from system.links import check_inside
from system.progress import Progress


class Made(msgspec.Struct, frozen=True):
    """What one new image was made of, as recorded in `dataset.json`."""

    file_name: str
    canvas: str
    annotations: list[Origin]


class PasteReport(msgspec.Struct, frozen=True):
    """What pasting read and wrote: counts, the chosen place, and the annotations left out with the reason."""

    images: int
    place: Place
    canvases: int
    sources: int
    pasted: dict[str, int]
    left_out: list[LeftOut]

    def lost(self) -> list[dict[str, str | int]]:
        """The left out annotations counted by reason."""
        counted = Counter(left.reason for left in self.left_out)
        return [{"code": reason, "count": counted[reason]} for reason in sorted(counted)]


def paste_dataset(
    source: Path,
    dest: Path,
    *,
    count: int,
    seed: int,
    place: Place | Literal["auto"] = "auto",
    overwrite: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda items, _label, _total: items,
) -> PasteReport:
    """Write `dest`: the dataset `source` with `count` new images `paste/NNNN.png` in its train split.

    Old images and pixel masks are linked and keep their ids; val and test are copied byte by byte. A dry run makes
    all images and writes nothing. Raises OptionError, InputError and OutputError.
    """
    check_count(count, seed)
    check_apart(dest, [source])
    check_destination(dest, overwrite=overwrite)
    dataset = load_dataset(source)
    given = train_images(dataset)
    chosen = resolve_place(given) if place == "auto" else place
    made = progress(paste_images(given, count, seed, place=chosen, first_ids=first_ids(dataset)), "paste", count)
    if dry_run:
        return _report(dataset, given, chosen, [Slim.of(pasted) for pasted in made])
    with new_folder(dest, overwrite=overwrite) as root:
        new = [write_image(root, dataset, pasted) for pasted in made]
        hashes = [*_link_images(root, dataset), *((slim.image.file_name, slim.sha256) for slim in new)]
        splits = _write_splits(root, dataset, new)
        report = _report(dataset, given, chosen, new)
        options = {"count": count, "seed": seed, "place": chosen, "source": _origin_of(dataset)}
        provenance = make_provenance(
            "paste",
            dataset.provenance.sources if dataset.provenance else [dataset.name],
            options,
            {name: coco.images for name, coco in splits.items()},
            ((a.image_id, a.category_id, a.iscrowd) for coco in splits.values() for a in coco.annotations),
            dataset.categories,
            report.lost(),
            content_hash(hashes),
            dataset.intensities,
        )
        pasted = [msgspec.to_builtins(Made(s.image.file_name, s.canvas, s.origins)) for s in new]
        write_provenance(root, msgspec.structs.replace(provenance, pasted=pasted))
    return report


class Slim(msgspec.Struct, frozen=True):
    """A pasted image without its pixels; `sha256` is over image and pixel mask, empty if nothing was written."""

    image: Image
    annotations: list[Annotation]
    canvas: str
    origins: list[Origin]
    left_out: list[LeftOut]
    sha256: str = ""

    @classmethod
    def of(cls, pasted: Pasted, sha256: str = "") -> "Slim":
        """`pasted` without its pixels."""
        return cls(pasted.image, pasted.annotations, pasted.canvas, pasted.origins, pasted.left_out, sha256)


def train_images(dataset: Dataset) -> list[PasteImage]:
    """The train split, to paste from and onto. Raises InputError where it has no negative or no mask."""
    for coco in dataset.splits.values():
        for image in coco.images:
            if image.file_name.startswith(f"{FOLDER}/"):
                raise InputError(
                    dataset.root,
                    f"already contains pasted images ({image.file_name}), which must not be pasted onto again",
                    "paste into the dataset that it was made from",
                )
    given = list_paste_images(dataset, dataset.split("train").images)
    path = annotation_path(dataset.root, "train")
    if all(g.annotations for g in given):
        raise InputError(
            path, "the train split has no negative to paste on", "convert good images too, or change --ratios"
        )
    if not any(g.usable for g in given):
        raise InputError(
            path, "the train split has no annotation with a mask", "convert defect images with masks or polygons"
        )
    return given


def first_ids(dataset: Dataset) -> tuple[int, int]:
    """The ids of the first new image and the first new annotation."""
    cocos = dataset.splits.values()
    return (
        1 + max(image.id for coco in cocos for image in coco.images),
        1 + max(annotation.id for coco in cocos for annotation in coco.annotations),
    )


def write_image(root: Path, dataset: Dataset, pasted: Pasted) -> Slim:
    """Write the image file and the pixel mask of a pasted image into the dataset folder `root`."""
    path = root / "images" / pasted.image.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".png", pasted.rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    path.write_bytes(encoded)
    height, width = pasted.image.height, pasted.image.width
    index = {category.id: k for k, category in enumerate(dataset.categories, 1)}
    components = [
        (index[a.category_id], mask_to_component(decode(a.segmentation, height, width).astype(np.bool_)))
        for a in pasted.annotations
    ]
    mask = mask_path(root, pasted.image.file_name)
    write_pixel_mask(mask, paint(height, width, components)[0], height, width)
    return Slim.of(pasted, hashlib.sha256(encoded + mask.read_bytes()).hexdigest())


def _link_images(root: Path, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Link every old image and pixel mask; yields its file name and the SHA-256 over both."""
    for image in chain.from_iterable(coco.images for coco in dataset.splits.values()):
        digest = hashlib.sha256()
        for old, new in (
            (dataset.image_path(image), root / "images" / image.file_name),
            (dataset.mask_path(image), mask_path(root, image.file_name)),
        ):
            if old.is_file():
                check_inside(old, [dataset.root])
                new.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(old, new)
                digest.update(old.read_bytes())
        yield image.file_name, digest.hexdigest()


def _write_splits(root: Path, dataset: Dataset, new: list[Slim]) -> dict[str, CocoFile]:
    (root / "annotations").mkdir()
    splits = dict(dataset.splits)
    train = splits["train"]
    splits["train"] = msgspec.structs.replace(
        train,
        images=[*train.images, *(slim.image for slim in new)],
        annotations=[*train.annotations, *chain.from_iterable(slim.annotations for slim in new)],
    )
    for name, coco in splits.items():
        if name == "train":
            write_coco(annotation_path(root, name), coco)
        else:
            annotation_path(root, name).write_bytes(annotation_path(dataset.root, name).read_bytes())
    return splits


def _origin_of(dataset: Dataset) -> dict[str, Any]:
    """The provenance of the source dataset, so that the chain is complete."""
    if dataset.provenance is None:
        return {"name": dataset.name}
    made_by: dict[str, Any] = msgspec.to_builtins(dataset.provenance)
    return {key: made_by[key] for key in ("tool", "version", "options", "content_sha256")}


def _report(dataset: Dataset, given: list[PasteImage], place: Place, new: list[Slim]) -> PasteReport:
    counted = Counter(annotation.category_id for slim in new for annotation in slim.annotations)
    return PasteReport(
        len(new),
        place,
        sum(not g.annotations for g in given),
        sum(bool(g.usable) for g in given),
        {category.name: counted[category.id] for category in dataset.categories},
        [left for slim in new for left in slim.left_out],
    )
