"""The images of a folder tree with their split, defect type and masks; shared by all layouts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from datasets.images.image_file import list_images
from system.errors import InputError, OptionError
from system.exclude import NOTHING, Excluder

GOOD = "good"
FaultCode = Literal["ambiguous-pair", "broken-tree", "defect-in-train", "unlabelled-defect", "unpaired-mask"]


class TreeFault(msgspec.Struct, frozen=True):
    """A reason why a tree cannot be converted; `code` is the code of the finding of `datasets check`.

    It concerns the file or folder where the error is, and `others`.
    """

    code: FaultCode
    error: InputError
    others: tuple[Path, ...] = ()


class TreeImage(msgspec.Struct, frozen=True):
    """One image of a tree.

    `relative` is its path below `root`, such as test/scratch/000.png. `split` is train, val or test, or empty if
    the layout has no splits. `type` is its defect type, or good; `masks` are paths of its ground-truth masks below
    `root`. With `black_is_good`, an image whose masks are all black is good; otherwise a defect image needs a mask
    with a defect.

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
    """The images of a tree with their masks, sorted by relative path, and the faults of pairing them.

    `any_value` is whether a mask may have several values above 0, each of which marks a defect. `left_out` lists
    the folders without ground truth.
    """

    root: Path
    layout: str
    images: tuple[TreeImage, ...]
    any_value: bool = False
    left_out: tuple[str, ...] = ()
    faults: tuple[TreeFault, ...] = ()

    @property
    def name(self) -> str:
        """Name of the category, which is that of its folder."""
        return self.root.resolve().name

    def threshold(self, given: int | None) -> int | None:
        """The grey value at which a defect begins: what the user gave, or the layout's rule."""
        return 1 if self.any_value and given is None else given

    @property
    def defect_types(self) -> list[str]:
        """Defect types in alphabetical order, without good."""
        return sorted({image.type for image in self.images} - {GOOD})

    def sound_images(self) -> tuple[TreeImage, ...]:
        """The images that no fault concerns, neither them nor their masks nor their folders."""
        concerned = {str(path) for fault in self.faults for path in (fault.error.where, *fault.others)}
        if not concerned:
            return self.images

        def is_sound(image: TreeImage) -> bool:
            paths = (image.path, *image.mask_paths)
            return not any(str(one) in concerned for path in paths for one in (path, *path.parents))

        return tuple(image for image in self.images if is_sound(image))

    @property
    def names_splits(self) -> bool:
        """Whether the folders of the layout determine the split of each image."""
        return all(image.split for image in self.images)


class Layout(Protocol):
    """One way to arrange images and masks in folders."""

    @property
    def name(self) -> str:
        """The value of --layout."""

    def matches(self, root: Path) -> bool:
        """Whether `root` has the folders and file names of this layout."""

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """List the images and pair them with their masks; images and masks that do not pair are faults of the
        tree."""


def make_tree(
    root: Path,
    layout: str,
    images: Iterable[TreeImage],
    faults: Sequence[TreeFault] = (),
    *,
    any_value: bool = False,
    left_out: Iterable[str] = (),
    where: str = "where this layout has them",
) -> ImageTree:
    """The tree of `images`, sorted by path. A tree without images gets a fault, unless it has others."""
    found = tuple(sorted(images, key=lambda image: image.relative))
    known = tuple(faults)
    if not found and not known:
        error = InputError(root, f"no images {where}", "check that it was unpacked completely")
        known = (TreeFault("broken-tree", error),)
    return ImageTree(root, layout, found, any_value, tuple(left_out), known)


class TreeReading:
    """State of reading one tree: which files are excluded, and the faults of files that do not pair."""

    def __init__(self, root: Path, exclude: Excluder) -> None:
        self._root = root
        self._exclude = exclude
        self.faults: list[TreeFault] = []

    def images_in(self, folder: Path) -> list[Path]:
        """Image files directly in `folder` that are not excluded, sorted; none where it does not exist."""
        return [path for path in images_in(folder) if not self.excludes(path)]

    def excludes(self, path: Path) -> bool:
        """Whether a file of the tree is excluded."""
        return self._exclude.excludes(self._root, relative(self._root, path))

    def add(self, where: Path, problem: str, remedy: str, *, others: tuple[Path, ...] = ()) -> None:
        """Remember one fault, which concerns `others`, too."""
        self.faults.append(TreeFault("broken-tree", InputError(where, problem, remedy), others))


def subfolders(folder: Path) -> list[Path]:
    """Folders directly in `folder`, without hidden ones, sorted; none where `folder` does not exist."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def images_in(folder: Path) -> list[Path]:
    """Image files directly in `folder`, sorted; none where it does not exist."""
    return list_images(folder) if folder.is_dir() else []


def by_stem(paths: Iterable[Path], reading: TreeReading, suffix: str = "") -> dict[str, Path]:
    """Name without ending and without `suffix` -> the first file of that name; a second one is a fault."""
    found: dict[str, Path] = {}
    for path in paths:
        stem = path.stem.removesuffix(suffix)
        if stem in found:
            problem = f"its name is ambiguous with {found[stem].name}"
            reading.add(path, problem, "rename or remove one", others=(found[stem],))
        else:
            found[stem] = path
    return found


def pair(
    images: Mapping[str, Path], masks: Mapping[str, Path], reading: TreeReading, *, needs_mask: bool
) -> dict[str, Path | None]:
    """Stem of each image -> its mask.

    A mask without an image is a fault and, where `needs_mask`, so is an image without a mask.
    """
    for stem, mask in masks.items():
        if stem not in images:
            reading.add(mask, f"no image for this mask ({stem}.* is missing)", "add it or remove the mask")
    for stem, image in images.items():
        if needs_mask and stem not in masks:
            reading.add(image, "no mask for this defect image", "add it or remove the image")
    return {stem: masks.get(stem) for stem in images}


def relative(root: Path, path: Path) -> str:
    """The path below `root`, with forward slashes."""
    return path.relative_to(root).as_posix()


def check_has_defects(trees: Sequence[ImageTree]) -> None:
    """Raise InputError if no tree has a defective image."""
    if not any(tree.defect_types for tree in trees):
        raise InputError(
            trees[0].root, "no defective image in test/*", "check that the folder was unpacked completely"
        )


def check_good_mask(path: Path, image: TreeImage, *, is_black: bool) -> None:
    """Raise InputError if the mask at `path` shows a defect of a good image; an all-black one is harmless."""
    if image.type == GOOD and not is_black:
        raise InputError(path, "the mask of a good image marks a defect", "remove the mask")


def check_threshold(threshold: int, kind: str, *, has_grey_masks: bool) -> None:
    """Raise OptionError for a grey value that every pixel has, and where `kind` has no grey masks."""
    if threshold < 1:
        raise OptionError(f"--threshold {threshold}", "would make every pixel a defect", "give 1 or more")
    if not has_grey_masks:
        raise OptionError(f"--threshold {threshold}", f"a {kind} has no grey masks", "leave it out")
