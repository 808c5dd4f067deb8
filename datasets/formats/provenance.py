"""The provenance of a dataset, stored in its dataset.json."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from datasets.coco import Category, Image
from datasets.images.bit_depth import IntensityRange
from system import __version__
from system.json_file import write_json

Annotated = tuple[int, int, int]  # image id, category id and iscrowd of an annotation
PROVENANCE = "dataset.json"
FORMAT = "defectline-dataset/1"


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a dataset was made; no times and no absolute paths, so that the same input gives the same bytes.

    `pasted` has, for each pasted image, the image and annotations it was made from, `oversampled`, for each image
    made between two others, these two, and `intensities` how images with more than 8 bits are scaled
    (datasets.images.bit_depth). `corrections` has the images and counts of each `annotate correct --apply`.
    """

    format: str
    tool: str
    version: str
    sources: list[str]
    options: dict[str, object]
    counts: dict[str, object]
    lost: list[dict[str, str | int]]
    content_sha256: str
    pasted: list[dict[str, object]] = []
    intensities: list[IntensityRange] = []
    oversampled: list[dict[str, object]] = []
    corrections: list[dict[str, object]] = []


def make_provenance(
    tool: str,
    sources: list[str],
    options: Mapping[str, object],
    members: Mapping[str, Sequence[Image]],
    annotated: Iterable[Annotated],
    categories: Sequence[Category],
    lost: list[dict[str, str | int]],
    content_sha256: str,
    intensities: Sequence[IntensityRange] = (),
) -> Provenance:
    """The provenance of a dataset, with its images, negatives and annotations counted per split and type.

    Where there are ignore regions, they are counted apart, and so are the images that have nothing else.
    """
    split_of = {image.id: split for split, images in members.items() for image in images}
    defective: set[int] = set()
    with_regions: set[int] = set()
    per_type: Counter[tuple[str, int]] = Counter()
    regions: Counter[str] = Counter()
    for image_id, category_id, iscrowd in annotated:
        if iscrowd:
            with_regions.add(image_id)
            regions[split_of[image_id]] += 1
        else:
            defective.add(image_id)
            per_type[split_of[image_id], category_id] += 1
    only_ignored = Counter(split_of[image_id] for image_id in with_regions - defective)
    counts: dict[str, object] = {
        split: {
            "images": len(images),
            "negatives": sum(image.id not in defective and image.id not in with_regions for image in images),
            "annotations": {c.name: per_type[split, c.id] for c in categories},
        }
        | ({"ignore_regions": regions[split], "only_ignored": only_ignored[split]} if with_regions else {})
        for split, images in members.items()
    }
    return Provenance(
        FORMAT,
        tool,
        __version__,
        sources,
        dict(options),
        counts,
        lost,
        content_sha256,
        intensities=list(intensities),
    )


def write_provenance(root: Path, provenance: Provenance) -> None:
    """Write `dataset.json` into the dataset folder. Raises OutputError if it cannot be written."""
    write_json(root / PROVENANCE, provenance)


def content_hash(parts: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (file name, SHA-256 of the content) of every file, in the order of the names."""
    digest = hashlib.sha256()
    for name, sha256 in sorted(parts):
        digest.update(f"{name}\0{sha256}\n".encode())
    return digest.hexdigest()
