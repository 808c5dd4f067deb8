"""A copy of a dataset folder with another train split; val and test stay the same, byte by byte."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from datasets.coco import CocoFile, Image
from datasets.formats.coco_file import write_coco
from datasets.formats.dataset_folder import Dataset, annotation_path, mask_path
from datasets.formats.provenance import Provenance, content_hash, make_provenance
from system.files import link_or_copy
from system.links import check_inside


def link_images(root: Path, dataset: Dataset, images: Iterable[Image]) -> Iterator[tuple[str, str]]:
    """Link images of `dataset` and their pixel masks into `root`; yields file name and the SHA-256 over both."""
    for image in images:
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


def write_train(root: Path, dataset: Dataset, train: CocoFile) -> dict[str, CocoFile]:
    """Write the COCO files of `dataset` into `root`, that of train with `train`; returns the splits."""
    (root / "annotations").mkdir()
    for name in dataset.splits:
        if name == "train":
            write_coco(annotation_path(root, name), train)
        else:
            annotation_path(root, name).write_bytes(annotation_path(dataset.root, name).read_bytes())
    return {**dataset.splits, "train": train}


def first_ids(dataset: Dataset) -> tuple[int, int]:
    """The first image id and the first annotation id after all ids of the dataset."""
    cocos = dataset.splits.values()
    return (
        1 + max((image.id for coco in cocos for image in coco.images), default=0),
        1 + max((annotation.id for coco in cocos for annotation in coco.annotations), default=0),
    )


def origin_of(dataset: Dataset) -> dict[str, object]:
    """The provenance of a dataset, for that of a dataset made from it, so that the chain is complete."""
    if dataset.provenance is None:
        return {"name": dataset.name}
    made_by: dict[str, object] = msgspec.to_builtins(dataset.provenance)
    return {key: made_by[key] for key in ("tool", "version", "options", "content_sha256")}


def describe_copy(
    tool: str,
    dataset: Dataset,
    splits: Mapping[str, CocoFile],
    options: Mapping[str, object],
    hashes: Iterable[tuple[str, str]],
    lost: list[dict[str, str | int]],
) -> Provenance:
    """The provenance of a copy of `dataset` with `splits`, made by `tool` with `options`.

    `hashes` are file name and SHA-256 of every image. Ids may restart in each split.
    """
    members: dict[str, list[Image]] = {}
    annotated: list[tuple[int, int, int]] = []
    count = 0
    for name, coco in splits.items():
        ids = {image.id: number for number, image in enumerate(coco.images, count)}
        members[name] = [msgspec.structs.replace(image, id=ids[image.id]) for image in coco.images]
        annotated += [(ids[a.image_id], a.category_id, a.iscrowd) for a in coco.annotations]
        count += len(ids)
    sources = dataset.provenance.sources if dataset.provenance else [dataset.name]
    return make_provenance(
        tool,
        sources,
        {**options, "source": origin_of(dataset)},
        members,
        annotated,
        dataset.categories,
        lost,
        content_hash(hashes),
        dataset.intensities,
    )
