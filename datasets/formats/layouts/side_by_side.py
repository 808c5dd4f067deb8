"""Layouts whose masks are next to their images: VisA, KolektorSDD and 2, DAGM, magnetic tile and Real-IAD.

Sources: https://github.com/amazon-science/spot-diff (VisA), https://www.vicos.si/resources/kolektorsdd,
https://www.vicos.si/resources/kolektorsdd2, https://github.com/abin24/Magnetic-tile-defect-datasets.,
https://realiad4ad.github.io/Real-IAD; DAGM 2007, "Weakly Supervised Learning for Industrial Optical Inspection".
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec

from datasets.formats.layouts.tree import (
    GOOD,
    ImageTree,
    TreeImage,
    TreeReading,
    by_stem,
    images_in,
    make_tree,
    pair,
    relative,
    subfolders,
)
from system.exclude import NOTHING, Excluder

DEFECT = "defect"  # the defect type in layouts with one type and no name for it


class Visa(msgspec.Struct, frozen=True):
    """VisA as downloaded: Data/Images/{Normal,Anomaly}, Data/Masks/Anomaly; a mask value above 0 is a defect."""

    name: str = "visa"

    def matches(self, root: Path) -> bool:
        """A folder Data/Images/Anomaly or Data/Images/Normal."""
        return any((root / "Data/Images" / kind).is_dir() for kind in ("Anomaly", "Normal"))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """All images; the layout has no splits."""
        reading = TreeReading(root, exclude)
        images = list(self._images(root, reading))
        return make_tree(root, self.name, images, reading.faults, any_value=True)

    def _images(self, root: Path, reading: TreeReading) -> Iterator[TreeImage]:
        for kind in subfolders(root / "Data/Images"):
            masks = by_stem(reading.images_in(root / "Data/Masks" / kind.name), reading)
            images = by_stem(reading.images_in(kind), reading)
            for stem, mask in pair(images, masks, reading, needs_mask=kind.name != "Normal").items():
                mask_paths = () if mask is None else (relative(root, mask),)
                name = GOOD if kind.name == "Normal" else kind.name
                yield TreeImage(root, relative(root, images[stem]), "", name, mask_paths)


class Ksdd2(msgspec.Struct, frozen=True):
    """KolektorSDD2: NNNNN.png and NNNNN_GT.png in train and test; a black mask means good."""

    name: str = "ksdd2"

    def matches(self, root: Path) -> bool:
        """A file NAME_GT.* in train or test."""
        return any(p.stem.endswith("_GT") for split in ("train", "test") for p in images_in(root / split))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """Images of train and test."""
        reading = TreeReading(root, exclude)
        images = (_beside(root, root / split, "_GT", split, reading) for split in ("train", "test"))
        return make_tree(root, self.name, list(chain.from_iterable(images)), reading.faults)


class Ksdd(msgspec.Struct, frozen=True):
    """KolektorSDD: kosNN/PartN.jpg and PartN_label.bmp; a black mask means good."""

    name: str = "ksdd"

    def matches(self, root: Path) -> bool:
        """A file NAME_label.* in a folder of `root` that is not called Label."""
        return any(p.stem.endswith("_label") for folder in subfolders(root) for p in images_in(folder))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """All images; the layout has no splits."""
        reading = TreeReading(root, exclude)
        images = (_beside(root, folder, "_label", "", reading) for folder in subfolders(root))
        return make_tree(root, self.name, list(chain.from_iterable(images)), reading.faults)


class Dagm(msgspec.Struct, frozen=True):
    """DAGM 2007: {Train,Test}/NNNN.PNG with Label/NNNN_label.PNG; without a label the image is good."""

    name: str = "dagm"

    def matches(self, root: Path) -> bool:
        """A folder Label in Train or Test."""
        return any((root / split / "Label").is_dir() for split in ("Train", "Test"))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """Images of Train and Test; the type is the name of the class folder."""
        reading = TreeReading(root, exclude)
        images = list(self._images(root, reading))
        return make_tree(root, self.name, images, reading.faults)

    def _images(self, root: Path, reading: TreeReading) -> Iterator[TreeImage]:
        kind = root.resolve().name
        for folder, split in (("Train", "train"), ("Test", "test")):
            labels = images_in(root / folder / "Label")
            masks = by_stem((path for path in labels if not reading.excludes(path)), reading, "_label")
            excluded = {path.stem.removesuffix("_label") for path in labels} - set(masks)  # not good: left out
            paths = reading.images_in(root / folder)
            images = by_stem((path for path in paths if path.stem not in excluded), reading)
            for stem, mask in pair(images, masks, reading, needs_mask=False).items():
                name, mask_paths = (GOOD, ()) if mask is None else (kind, (relative(root, mask),))
                yield TreeImage(root, relative(root, images[stem]), split, name, mask_paths)


class MagneticTile(msgspec.Struct, frozen=True):
    """Magnetic tile: MT_<type>/Imgs/NAME.jpg and its mask NAME.png; MT_Free is good."""

    name: str = "magnetic-tile"

    def matches(self, root: Path) -> bool:
        """A folder MT_<type>/Imgs."""
        return any(folder.name.startswith("MT_") and (folder / "Imgs").is_dir() for folder in subfolders(root))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """All images; the layout has no splits."""
        images: list[TreeImage] = []
        reading = TreeReading(root, exclude)
        for folder in subfolders(root):
            if (folder / "Imgs").is_dir():
                kind = folder.name.removeprefix("MT_")
                images += _jpeg_and_png(root, folder / "Imgs", GOOD if kind == "Free" else kind, reading)
        return make_tree(root, self.name, images, reading.faults)


class RealIad(msgspec.Struct, frozen=True):
    """Real-IAD: OK/SNNNN/NAME.jpg and NG/<type>/SNNNN/NAME.jpg with its mask NAME.png."""

    name: str = "real-iad"

    def matches(self, root: Path) -> bool:
        """The folders OK and NG."""
        return (root / "OK").is_dir() and (root / "NG").is_dir()

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """All images; the JSON files with splits are not read."""
        images: list[TreeImage] = []
        reading = TreeReading(root, exclude)
        for sample in (root / "OK", *subfolders(root / "OK")):
            images += _jpeg_and_png(root, sample, GOOD, reading)
        for kind in subfolders(root / "NG"):
            for sample in (kind, *subfolders(kind)):
                images += _jpeg_and_png(root, sample, kind.name, reading)
        return make_tree(root, self.name, images, reading.faults)


def _beside(root: Path, folder: Path, suffix: str, split: str, reading: TreeReading) -> Iterator[TreeImage]:
    paths = reading.images_in(folder)
    images = by_stem((p for p in paths if not p.stem.endswith(suffix)), reading)
    masks = by_stem((p for p in paths if p.stem.endswith(suffix)), reading, suffix)
    for stem, mask in pair(images, masks, reading, needs_mask=True).items():
        mask_paths = () if mask is None else (relative(root, mask),)
        yield TreeImage(root, relative(root, images[stem]), split, DEFECT, mask_paths, black_is_good=True)


def _jpeg_and_png(root: Path, folder: Path, kind: str, reading: TreeReading) -> Iterator[TreeImage]:
    paths = reading.images_in(folder)
    jpegs = [p for p in paths if p.suffix.lower() in {".jpg", ".jpeg"}]
    pngs = [p for p in paths if p.suffix.lower() == ".png"]
    for path in paths:
        if path not in jpegs and path not in pngs:
            reading.add(path, "neither a JPEG image nor a PNG mask", "remove it from this folder")
    images, masks = by_stem(jpegs, reading), by_stem(pngs, reading)
    for stem, mask in pair(images, masks, reading, needs_mask=kind != GOOD).items():
        mask_paths = () if mask is None else (relative(root, mask),)
        yield TreeImage(root, relative(root, images[stem]), "", kind, mask_paths)
