"""Split a COCO dataset folder again: other splits, or the folds of a cross-validation; images are links."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from datasets.coco import SPLITS, Annotation, Image
from datasets.formats.dataset_folder import Dataset, load_dataset, mask_path, write_annotations
from datasets.formats.made_images import first_made
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from datasets.images.image_file import read_image_bytes
from datasets.splits import Ratios, group_by_pattern, strata_by_type, stratified_folds, stratified_split
from system.errors import InputError
from system.files import check_apart, check_destination, link_or_copy, new_folder
from system.json_file import write_json
from system.links import check_inside

FOLDS = "folds.json"
Shares = dict[str, dict[str, str]]


class Options(msgspec.Struct, frozen=True):
    """How to split.

    With `folds` > 0, `ratios` split the images that are not in the test fold into train and val.
    """

    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    folds: int = 0
    group_by: str | None = None


def resplit(
    source: Path, dest: Path, options: Options, *, overwrite: bool = False, dry_run: bool = False
) -> dict[str, dict[str, Counter[str]]]:
    """Write the dataset folder `source` with other splits to `dest`.

    With `options.folds` = K, `dest` contains the dataset folders fold-1 .. fold-K, each with a different K-th of
    the images as test, and folds.json: file name -> fold that tests it. Returns counts per dataset, split and
    stratum. Raises InputError if `source` cannot be read, OptionError for invalid `options`, OutputError if `dest`
    cannot be created.
    """
    dataset = load_dataset(source)
    check_apart(dest, [source])
    marker = FOLDS if options.folds else "dataset.json"
    check_destination(dest, overwrite=overwrite, marker=marker)
    strata = strata_by_type(dataset.splits.values())
    shares = assign_splits(strata, options)
    counts = {name: _count(strata, splits) for name, splits in shares.items()}
    if dry_run:
        return counts
    with new_folder(dest, overwrite=overwrite, marker=marker) as root:
        for name, splits in shares.items():
            _write(dataset, root / name, splits, options)
        if options.folds:
            tested = {n: i for i, splits in enumerate(shares.values(), 1) for n in splits if splits[n] == "test"}
            write_json(root / FOLDS, dict(sorted(tested.items())))
    return counts


def assign_splits(strata: Mapping[str, str], options: Options) -> Shares:
    """Folder name (empty for one dataset) -> file name -> split, from file name -> stratum.

    Raises OptionError for invalid `options`, and InputError if an image was made from others, because these could
    get into another split.
    """
    if made := first_made(strata):
        remedy = (
            "split the dataset that it was made from; fit makes images for each fold with --paste or --balance"
        )
        raise InputError(made, "shows pixels of other images, which may be in another split", remedy)
    groups = None if options.group_by is None else group_by_pattern(strata, options.group_by)
    if not options.folds:
        return {"": stratified_split(strata, options.ratios, options.seed, groups)}
    train, val, _ = options.ratios
    tested = stratified_folds(strata, options.folds, options.seed, groups)
    shares: Shares = {}
    for fold in range(options.folds):
        rest = {name: stratum for name, stratum in strata.items() if tested[name] != fold}
        splits = stratified_split(rest, (train / (train + val), val / (train + val), 0), options.seed, groups)
        shares[f"fold-{fold + 1}"] = splits | {name: "test" for name in strata if tested[name] == fold}
    return shares


def _count(strata: Mapping[str, str], splits: Mapping[str, str]) -> dict[str, Counter[str]]:
    return {split: Counter(strata[name] for name in splits if splits[name] == split) for split in SPLITS}


def _write(dataset: Dataset, root: Path, splits: Mapping[str, str], options: Options) -> None:
    images = sorted(
        (i for coco in dataset.splits.values() for i in coco.images), key=lambda image: image.file_name
    )
    numbered = {image.file_name: number for number, image in enumerate(images, 1)}
    old = {(s, image.id): image.file_name for s, coco in dataset.splits.items() for image in coco.images}
    found = [
        (numbered[old[split, a.image_id]], a) for split, coco in dataset.splits.items() for a in coco.annotations
    ]
    found.sort(key=lambda pair: pair[0])
    annotations = [msgspec.structs.replace(a, id=i, image_id=image_id) for i, (image_id, a) in enumerate(found, 1)]
    members: dict[str, list[Image]] = {split: [] for split in SPLITS}
    for image in images:
        new = msgspec.structs.replace(image, id=numbered[image.file_name])
        members[splits[image.file_name]].append(new)
        _link(dataset, image, root)
    write_annotations(root, members, annotations, dataset.categories)
    _write_provenance(dataset, root, members, annotations, options)


def _link(dataset: Dataset, image: Image, root: Path) -> None:
    pairs = [(dataset.image_path(image), root / "images" / image.file_name)]
    if dataset.mask_path(image).is_file():
        pairs.append((dataset.mask_path(image), mask_path(root, image.file_name)))
    for path, target in pairs:
        check_inside(path, [dataset.root])
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, target)


def _write_provenance(
    dataset: Dataset,
    root: Path,
    members: Mapping[str, list[Image]],
    annotations: list[Annotation],
    options: Options,
) -> None:
    before = dataset.provenance
    paths = {image.file_name: dataset.image_path(image) for images in members.values() for image in images}
    content = (
        before.content_sha256
        if before
        else content_hash(
            (name, hashlib.sha256(read_image_bytes(path)).hexdigest()) for name, path in paths.items()
        )
    )
    write_provenance(
        root,
        make_provenance(
            "split",
            [dataset.name],
            msgspec.to_builtins(options),
            members,
            ((a.image_id, a.category_id, a.iscrowd) for a in annotations),
            dataset.categories,
            before.lost if before else [],
            content,
            dataset.intensities,
        ),
    )
