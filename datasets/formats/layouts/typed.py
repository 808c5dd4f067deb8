"""Layouts with a folder per split and defect type: BTAD, MVTec LOCO, MVTec 3D-AD and MVTec AD 2.

Sources: https://avires.dimi.uniud.it/papers/btad/btad.zip, https://www.mvtec.com/company/research/datasets
(mvtec-loco, mvtec-3d-ad, mvtec-ad-2).
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from datasets.formats.layouts.tree import (
    GOOD,
    ImageTree,
    TreeImage,
    TreeReading,
    by_stem,
    make_tree,
    pair,
    relative,
    subfolders,
)
from system.exclude import NOTHING, Excluder

SPLIT_FOLDERS = {"train": "train", "validation": "val", "val": "val", "test": "test"}
MasksOf = Callable[[Path, str, TreeReading], dict[str, tuple[str, ...]]]
NO_LABELS = ("test_private", "test_private_mixed")  # of MVTec AD 2: its ground truth is not published


class Btad(msgspec.Struct, frozen=True):
    """BTAD: good images are in folders called ok; masks are ground_truth/<type>/NNNN.* with the image's name."""

    name: str = "btad"

    def matches(self, root: Path) -> bool:
        """A folder `ok` in train or test."""
        return any((root / split / "ok").is_dir() for split in ("train", "test"))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """Images of train, validation and test."""
        reading = TreeReading(root, exclude)
        _check_good_is(root, "ok", reading)
        images = list(_typed(root, SPLIT_FOLDERS, "ok", _same_name_masks, reading))
        return make_tree(root, self.name, images, reading.faults)


class MvtecLoco(msgspec.Struct, frozen=True):
    """MVTec LOCO: a folder of masks per image, ground_truth/<type>/NNN/000.png; validation/good is a split."""

    name: str = "loco"

    def matches(self, root: Path) -> bool:
        """Folders of masks below ground_truth/<type>."""
        return any(subfolders(folder) for folder in subfolders(root / "ground_truth"))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """Images of train, validation and test; a mask is where its file is not 0."""
        reading = TreeReading(root, exclude)
        images = list(_typed(root, SPLIT_FOLDERS, GOOD, _mask_folders, reading))
        return make_tree(root, self.name, images, reading.faults, any_value=True)


class Mvtec3d(msgspec.Struct, frozen=True):
    """MVTec 3D-AD: images in <split>/<type>/rgb, masks in <split>/<type>/gt; the height maps are not read."""

    name: str = "mvtec3d"

    def matches(self, root: Path) -> bool:
        """A folder `rgb` in a folder of a type."""
        return any((t / "rgb").is_dir() for split in SPLIT_FOLDERS for t in subfolders(root / split))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """Images of train, validation and test."""
        reading = TreeReading(root, exclude)
        images = list(self._images(root, reading))
        return make_tree(root, self.name, images, reading.faults, any_value=True)

    def _images(self, root: Path, reading: TreeReading) -> Iterator[TreeImage]:
        for folder, split in SPLIT_FOLDERS.items():
            for kind in subfolders(root / folder):
                images = by_stem(reading.images_in(kind / "rgb"), reading)
                masks = by_stem(reading.images_in(kind / "gt"), reading)
                paired = pair(images, masks, reading, needs_mask=kind.name != GOOD)
                for stem, mask in paired.items():
                    mask_paths = () if mask is None else (relative(root, mask),)
                    yield _image(root, images[stem], split, kind.name, mask_paths)


class MvtecAd2(msgspec.Struct, frozen=True):
    """MVTec AD 2: test_public/{good,bad,ground_truth/bad/NAME_mask.png}; test_private has no labels."""

    name: str = "ad2"

    def matches(self, root: Path) -> bool:
        """A folder test_public."""
        return (root / "test_public").is_dir()

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """Images of train, validation and test_public; the others are left out."""
        public = root / "test_public"
        reading = TreeReading(root, exclude)
        images = list(_typed(root, {"train": "train", "validation": "val"}, GOOD, _no_masks, reading))
        for kind in subfolders(public):
            if kind.name != "ground_truth":
                masks = by_stem(reading.images_in(public / "ground_truth" / kind.name), reading, "_mask")
                images += _paired(root, kind, masks, reading)
        left_out = [name for name in NO_LABELS if (root / name).is_dir()]
        return make_tree(root, self.name, images, reading.faults, left_out=left_out)


def _typed(
    root: Path, split_folders: Mapping[str, str], good: str, masks_of: MasksOf, reading: TreeReading
) -> Iterator[TreeImage]:
    known = set()
    for folder, split in split_folders.items():
        for kind in subfolders(root / folder):
            known.add(kind.name)
            images = by_stem(reading.images_in(kind), reading)
            masks = masks_of(root, kind.name, reading) if folder == "test" else {}
            for stem in masks:
                if stem not in images:
                    where = root / masks[stem][0]
                    problem = f"no image for this mask ({stem}.* is missing)"
                    reading.add(where, problem, "add it or remove the mask")
            for stem, path in images.items():
                if stem not in masks and kind.name != good:
                    reading.add(path, "no mask for this defect image", "add it or remove the image")
                name = GOOD if kind.name == good else kind.name
                yield _image(root, path, split, name, masks.get(stem, ()))
    for masked in subfolders(root / "ground_truth"):
        if masked.name not in known:
            remedy = f"add test/{masked.name} or remove the masks"
            reading.add(masked, "masks of a type that has no images", remedy)


def _paired(root: Path, kind: Path, masks: Mapping[str, Path], reading: TreeReading) -> Iterator[TreeImage]:
    images = by_stem(reading.images_in(kind), reading)
    for stem, mask in pair(images, masks, reading, needs_mask=kind.name != GOOD).items():
        mask_paths = () if mask is None else (relative(root, mask),)
        yield _image(root, images[stem], "test", kind.name, mask_paths)


def _image(root: Path, path: Path, split: str, kind: str, masks: tuple[str, ...]) -> TreeImage:
    return TreeImage(root, relative(root, path), split, kind, masks)


def _same_name_masks(root: Path, kind: str, reading: TreeReading) -> dict[str, tuple[str, ...]]:
    masks = by_stem(reading.images_in(root / "ground_truth" / kind), reading)
    return {stem: (relative(root, path),) for stem, path in masks.items()}


def _mask_folders(root: Path, kind: str, reading: TreeReading) -> dict[str, tuple[str, ...]]:
    folders = subfolders(root / "ground_truth" / kind)
    masks = {folder.name: tuple(relative(root, path) for path in reading.images_in(folder)) for folder in folders}
    for name, files in masks.items():
        if not files:
            folder = root / "ground_truth" / kind / name
            reading.add(folder, "this folder of masks is empty", "add the masks or remove the folder")
    return {name: files for name, files in masks.items() if files}


def _no_masks(_root: Path, _kind: str, _reading: TreeReading) -> dict[str, tuple[str, ...]]:
    return {}


def _check_good_is(root: Path, good: str, reading: TreeReading) -> None:
    for split in ("train", "test"):
        if good != GOOD and (root / split / GOOD).is_dir():
            problem = f"has both {good} and {GOOD} as folders of good images"
            reading.add(root / split / GOOD, problem, f"rename {GOOD} to {good}")
