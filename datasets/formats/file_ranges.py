"""Scaling of image files that are given by path: good images, and images to label."""

from collections.abc import Iterable
from pathlib import Path

from datasets.formats.provenance import PROVENANCE, Provenance
from datasets.images.bit_depth import IntensityRange, join_ranges, measure_ranges
from system.json_file import read_json


def ranges_of_files(files: Iterable[Path]) -> list[IntensityRange]:
    """The common ranges by which all image files are scaled; empty if all have 8 bits per channel.

    A file in the folder `images` of a dataset contributes the range that dataset.json records, any other file its
    own range. Raises InputError if a dataset.json or an image with more than 8 bits cannot be read.
    """
    recorded: dict[Path, list[IntensityRange]] = {}
    own = []
    for file in files:
        root = _dataset_of(file)
        if root is not None and root not in recorded:
            recorded[root] = read_json(root / PROVENANCE, Provenance, remedy="convert again").intensities
        if root is None or not recorded[root]:
            own.append(file)
    return join_ranges([*(one for ranges in recorded.values() for one in ranges), *measure_ranges(own)])


def _dataset_of(file: Path) -> Path | None:
    """The dataset folder that has `file` in its folder `images`."""
    folders = [folder.parent for folder in file.absolute().parents if folder.name == "images"]
    return next((root for root in folders if (root / PROVENANCE).is_file()), None)
