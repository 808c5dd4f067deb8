"""`datasets paste`: a dataset folder with new training images made of its own train split."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from pathlib import Path
from typing import Literal

import cv2
import msgspec
import numpy as np

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset, mask_path
from datasets.formats.made_images import check_none_made
from datasets.formats.provenance import write_provenance
from datasets.formats.train_split import describe_copy, first_ids, link_images, write_train
from datasets.masks.component import mask_to_component
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from datasets.masks.rle import decode
from datasets.paste.compose import Paster, check_count, plan_pasting, resolve_place
from datasets.paste.pasted import LeftOut, Origin, Pasted, PasteOrder, renumbered
from datasets.paste.place import Place
from datasets.paste.source import PasteImage, list_paste_images
from system.errors import InputError
from system.files import check_apart, check_destination, new_folder
from system.progress import Progress
from system.workers import Pool, map_ordered


class Made(msgspec.Struct, frozen=True):
    """The sources of one new image, as recorded in `dataset.json`."""

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
    pool: Pool | None = None,
    types: Sequence[int] | None = None,
    leave_out: AbstractSet[str] = frozenset(),
    finish: Callable[[Path, "Sequence[Slim]"], None] = lambda _root, _new: None,
) -> PasteReport:
    """Write `dest`: the dataset `source` with `count` new images `paste/NNNN.png` in its train split.

    Existing images and pixel masks are linked and keep their ids; val and test are copied byte by byte. A dry
    run creates all images but writes nothing. A running `pool` makes the new images. `types` is the category
    of each new image (see `paste_images`), the images `leave_out` are neither source nor canvas, and `finish`
    may add files to the folder before it is in place. Raises OptionError, InputError and OutputError.
    """
    check_count(count, seed)
    check_apart(dest, [source])
    check_destination(dest, overwrite=overwrite)
    dataset = load_dataset(source)
    given = [g for g in train_images(dataset) if g.image.file_name not in leave_out]
    chosen = resolve_place(given) if place == "auto" else place
    image_id, annotation_id = first_ids(dataset)
    paster, orders = plan_pasting(given, count, seed, place=chosen, first_image_id=image_id, types=types)

    def make(root: Path | None) -> list[Slim]:
        work = _Make(paster, root, dataset.categories)
        made = map_ordered(work, orders, 1, pool_pays=False, pool=pool)
        return _numbered(progress(made, "paste", count), annotation_id)

    if dry_run:
        return _report(dataset, given, chosen, make(None))
    with new_folder(dest, overwrite=overwrite) as root:
        new = make(root)
        old = chain.from_iterable(coco.images for coco in dataset.splits.values())
        hashes = [*link_images(root, dataset, old), *((slim.image.file_name, slim.sha256) for slim in new)]
        splits = write_train(root, dataset, with_pasted_images(dataset.splits["train"], new))
        report = _report(dataset, given, chosen, new)
        options = {"count": count, "seed": seed, "place": chosen}
        provenance = describe_copy("paste", dataset, splits, options, hashes, report.lost())
        pasted = [msgspec.to_builtins(Made(s.image.file_name, s.canvas, s.origins)) for s in new]
        write_provenance(root, msgspec.structs.replace(provenance, pasted=pasted))
        finish(root, new)
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


class _Make(msgspec.Struct, frozen=True):
    """Make one new image and write it to the dataset folder `root`, if one is given; picklable."""

    paster: Paster
    root: Path | None
    categories: list[Category]

    def __call__(self, order: PasteOrder) -> Slim:
        pasted = self.paster(order)
        return Slim.of(pasted) if self.root is None else _write(self.root, self.categories, pasted)


def _numbered(made: Iterable[Slim], annotation_id: int) -> list[Slim]:
    new = []
    for slim in made:
        annotations, origins = renumbered(slim.annotations, slim.origins, annotation_id)
        new.append(msgspec.structs.replace(slim, annotations=annotations, origins=origins))
        annotation_id += len(annotations)
    return new


def train_images(dataset: Dataset) -> list[PasteImage]:
    """The train split, used for sources and canvases. Raises InputError if it has no negative or no mask."""
    check_none_made(dataset, "which must not be pasted onto again", "paste into the dataset that it was made from")
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


def write_image(root: Path, dataset: Dataset, pasted: Pasted) -> Slim:
    """Write the image file and the pixel mask of a pasted image into the dataset folder `root`."""
    return _write(root, dataset.categories, pasted)


def _write(root: Path, categories: Sequence[Category], pasted: Pasted) -> Slim:
    path = root / "images" / pasted.image.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".png", pasted.rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
    path.write_bytes(encoded)
    height, width = pasted.image.height, pasted.image.width
    index = {category.id: k for k, category in enumerate(categories, 1)}
    components = [
        (index[a.category_id], mask_to_component(decode(a.segmentation, height, width).astype(np.bool_)))
        for a in pasted.annotations
    ]
    mask = mask_path(root, pasted.image.file_name)
    write_pixel_mask(mask, paint(height, width, components)[0], height, width)
    return Slim.of(pasted, hashlib.sha256(encoded + mask.read_bytes()).hexdigest())


def with_pasted_images(train: CocoFile, new: Sequence[Slim]) -> CocoFile:
    """The train split with pasted images at its end."""
    return msgspec.structs.replace(
        train,
        images=[*train.images, *(slim.image for slim in new)],
        annotations=[*train.annotations, *chain.from_iterable(slim.annotations for slim in new)],
    )


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
