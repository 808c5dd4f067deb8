"""What every layout of a folder tree reads: images with their split, their type and their masks."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from datasets.images.image_file import list_images
from system.errors import InputError

GOOD = "good"


class TreeImage(msgspec.Struct, frozen=True):
    """One image of a tree.

    `relative` is its path below `root`, such as test/scratch/000.png. `split` is train, val or test, or empty if
    the layout names no splits. `type` is its defect type, or good; `masks` are paths of its ground-truth masks
    below `root`. With `black_is_good`, an image whose masks are all black is good; otherwise a defect
    image needs a mask with a defect.

    Paths are built on request: a tree of many images takes a third less memory this way.
    """

    root: Path
    relative: str
    split: str
    type: str
    masks: tuple[str, ...] = ()
    black_is_good: bool = False

    @property
    def path(self) -> Path:
        """The image file."""
        return self.root / self.relative

    @property
    def mask_paths(self) -> list[Path]:
        """The mask files."""
        return [self.root / mask for mask in self.masks]


class ImageTree(msgspec.Struct, frozen=True):
    """The images of a tree, sorted by relative path.

    `any_value` is whether a mask has other values than 0 and one more, each of them a defect. `left_out` lists the
    folders without ground truth.
    """

    root: Path
    layout: str
    images: tuple[TreeImage, ...]
    any_value: bool = False
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the category, which is that of its folder."""
        return self.root.resolve().name

    @property
    def defect_types(self) -> list[str]:
        """Defect types in alphabetical order, without good."""
        return sorted({image.type for image in self.images} - {GOOD})

    @property
    def names_splits(self) -> bool:
        """Whether the layout names the split of each image."""
        return all(image.split for image in self.images)


class Layout(Protocol):
    """One way to arrange images and masks in folders."""

    @property
    def name(self) -> str:
        """The value of --layout."""

    def matches(self, root: Path) -> bool:
        """Whether the folders and names below `root` are plainly those of this layout."""

    def read(self, root: Path) -> ImageTree:
        """List the images and pair them with their masks. Raises InputError where that fails."""


def make_tree(
    root: Path,
    layout: str,
    images: Iterable[TreeImage],
    *,
    any_value: bool = False,
    left_out: Iterable[str] = (),
    where: str = "where this layout has them",
) -> ImageTree:
    """The tree of `images`, sorted by path. Raises InputError if there is none."""
    found = tuple(sorted(images, key=lambda image: image.relative))
    if not found:
        raise InputError(root, f"no image {where}", "check that it was unpacked completely")
    return ImageTree(root, layout, found, any_value, tuple(left_out))


def subfolders(folder: Path) -> list[Path]:
    """Folders directly in `folder`, without hidden ones, sorted; none where `folder` does not exist."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def images_in(folder: Path) -> list[Path]:
    """Image files directly in `folder`, sorted; none where it does not exist."""
    return list_images(folder) if folder.is_dir() else []


def by_stem(paths: Iterable[Path], suffix: str = "") -> dict[str, Path]:
    """Name without ending and without `suffix` -> file. Raises InputError where two files have the same."""
    found: dict[str, Path] = {}
    for path in paths:
        stem = path.stem.removesuffix(suffix)
        if stem in found:
            raise InputError(path, f"its name is ambiguous with {found[stem].name}", "rename or remove one")
        found[stem] = path
    return found


def pair(images: Mapping[str, Path], masks: Mapping[str, Path], *, needs_mask: bool) -> dict[str, Path | None]:
    """Stem of each image -> its mask.

    Raises InputError for a mask without an image and, where `needs_mask`, for an image without a mask.
    """
    for stem, mask in masks.items():
        if stem not in images:
            raise InputError(mask, f"no image for this mask ({stem}.* is missing)", "add it or remove the mask")
    for stem, image in images.items():
        if needs_mask and stem not in masks:
            raise InputError(image, "no mask for this defect image", "add it or remove the image")
    return {stem: masks.get(stem) for stem in images}


def relative(root: Path, path: Path) -> str:
    """The path below `root`, with forward slashes."""
    return path.relative_to(root).as_posix()
