"""`train_cls oversample`: a dataset folder with new training images for types with few images."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.formats.provenance import write_provenance
from datasets.formats.train_split import describe_copy, link_images, write_train
from datasets.paste.dataset import Slim, paste_dataset
from evaluate.type_of_image import GOOD_INDEX, type_names
from system.console import progress
from system.errors import InputError, OptionError
from system.files import check_apart, check_destination, new_folder
from train_cls.contact_sheet import CONTACT_SHEET, PER_TYPE, write_contact_sheet
from train_cls.options import DeepSmoteOptions
from train_cls.oversampled import NewImage, ParentImages, left_out_lines, parent_images, write_new_images
from train_cls.synthetic import Method, images_to_make

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OversampleReport(msgspec.Struct, frozen=True):
    """Training images of each type before, and new ones; `notes` are lines about images and types left out."""

    before: dict[str, int]
    made: dict[str, int]
    notes: list[str]


def oversample_dataset(
    source: Path,
    dest: Path,
    *,
    method: Method,
    per_type: int,
    imgsz: int,
    options: DeepSmoteOptions,
    seed: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
) -> OversampleReport:
    """Write `dest`: the dataset `source` with new images `oversample/NNNN.png` of `imgsz` pixels in train.

    Each type with two or more training images, including `good`, gets new images until it has `per_type`. Existing
    images and pixel masks are linked and keep their ids; val and test are copied byte by byte. Raises OptionError,
    InputError (also if no type needs a new image) and OutputError.
    """
    dataset, parents = _opened(source, dest, seed=seed, overwrite=overwrite)
    wanted = images_to_make(parents.types, per_type)
    report = _report(dataset, parents, wanted, per_type)
    if dry_run:
        return report
    with new_folder(dest, overwrite=overwrite) as root:
        new = write_new_images(
            root, dataset, parents, wanted, method=method, imgsz=imgsz, options=options, seed=seed
        )
        asked: dict[str, object] = {"method": method, "per_type": per_type, "imgsz": imgsz, "seed": seed}
        if method == "deepsmote":
            asked |= msgspec.to_builtins(options)
        _write(root, dataset, new, asked)
    return report


def paste_per_type(
    source: Path, dest: Path, *, per_type: int, seed: int = 0, overwrite: bool = False, dry_run: bool = False
) -> OversampleReport:
    """Write `dest`: the dataset `source` with pasted images, as many as each defect type needs to have `per_type`.

    See `datasets paste`. A type with one training image also gets new images, `good` gets none. Raises
    OptionError, InputError (also if no type needs a new image or a type has no mask) and OutputError.
    """
    dataset, parents = _opened(source, dest, seed=seed, overwrite=overwrite)
    counts = np.bincount(parents.types, minlength=1)
    wanted = {k: per_type - int(n) for k, n in enumerate(counts) if k != GOOD_INDEX and 1 <= n < per_type}
    report = _report(dataset, parents, wanted, per_type, fewest=1)
    types = [dataset.categories[k - 1].id for k in wanted for _ in range(wanted[k])]
    names = {image.file_name for image in parents.images}
    others = {image.file_name for image in dataset.split("train").images} - names

    def finish(root: Path, new: Sequence[Slim]) -> None:
        write_contact_sheet(root / CONTACT_SHEET, _pasted_triples(root, dataset, new))

    paste_dataset(
        source, dest, count=len(types), seed=seed, overwrite=overwrite, dry_run=dry_run, progress=progress,
        types=types, leave_out=others, finish=finish,
    )  # fmt: skip
    return report


def _opened(source: Path, dest: Path, *, seed: int, overwrite: bool) -> tuple[Dataset, ParentImages]:
    if seed < 0:
        raise OptionError(f"--seed {seed}", "is negative", "give 0 or a positive number")
    check_apart(dest, [source])
    check_destination(dest, overwrite=overwrite)
    dataset = load_dataset(source)
    return dataset, parent_images(dataset)


def _report(
    dataset: Dataset, parents: ParentImages, wanted: dict[int, int], per_type: int, fewest: int = 2
) -> OversampleReport:
    """Raise InputError if no new image is needed."""
    names = type_names(category.name for category in dataset.categories)
    counts = np.bincount(parents.types, minlength=len(names)).tolist()
    if not wanted:
        have = ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
        problem = f"no type with {fewest} or more training images has fewer than {per_type} ({have})"
        raise InputError(dataset.root, problem, "give a larger --per-type")
    return OversampleReport(
        dict(zip(names, counts, strict=True)),
        {names[k]: count for k, count in wanted.items()},
        left_out_lines(parents, names, per_type, fewest),
    )


def _write(root: Path, dataset: Dataset, new: Sequence[NewImage], options: dict[str, object]) -> None:
    train = dataset.splits["train"]
    grown = msgspec.structs.replace(
        train,
        images=[*train.images, *(one.image for one in new)],
        annotations=[*train.annotations, *chain.from_iterable(one.annotations for one in new)],
    )
    splits = write_train(root, dataset, grown)
    old = chain.from_iterable(coco.images for coco in dataset.splits.values())
    hashes = [*link_images(root, dataset, old), *((one.image.file_name, one.sha256) for one in new)]
    provenance = describe_copy("oversample", dataset, splits, options, hashes, [])
    records = [msgspec.to_builtins(one.record) for one in new]
    write_provenance(root, msgspec.structs.replace(provenance, oversampled=records))


def _pasted_triples(
    root: Path, dataset: Dataset, new: Sequence[Slim]
) -> "dict[str, list[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]]":
    """Canvas, new image and source of the first images of each type."""
    from datasets.images.pixels import read_rgb

    names, shown = dataset.categories, Counter[str]()
    category_name = {category.id: category.name for category in names}
    triples: dict[str, list[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]] = {}
    for one in new:
        name = category_name[one.annotations[0].category_id]
        if shown[name] < PER_TYPE:
            shown[name] += 1
            files = (one.canvas, one.image.file_name, one.origins[0].source)
            canvas, made, origin = (read_rgb(root / "images" / file, dataset.intensities) for file in files)
            triples.setdefault(name, []).append((canvas, made, origin))
    return triples
