"""The layout of MVTec AD: `train/good`, `test/<type>`, `ground_truth/<type>/NNN_mask.png`; pairs found by name.

Source: https://www.mvtec.com/company/research/datasets/mvtec-ad. Prepared copies of other datasets (VisA, MPDD)
have the same layout, some with `validation/good` and masks without the ending `_mask`.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from datasets.formats.layouts.tree import GOOD, ImageTree, TreeImage, images_in, make_tree, subfolders
from datasets.images.image_file import list_images
from system.errors import InputError

SPLIT_FOLDERS = {"test": "test", "train": "train", "validation": "val", "val": "val"}
GROUND_TRUTH = "ground_truth"


class MvtecAd(msgspec.Struct, frozen=True):
    """MVTec AD, and what has its folders."""

    name: str = "mvtec"

    def matches(self, root: Path) -> bool:
        """A folder test, train or ground_truth."""
        return any((root / folder).is_dir() for folder in ("test", "train", GROUND_TRUTH))

    def read(self, root: Path) -> ImageTree:
        """List the images and pair each defect image with its mask. Raises InputError where that fails."""
        images: list[TreeImage] = []
        for folder in SPLIT_FOLDERS:
            for kind in subfolders(root / folder):
                images += _read_type(root, folder, kind)
        _check_masks_have_images(root, images)
        return make_tree(root, self.name, images, where="in train/* or test/*")


def _read_type(root: Path, folder: str, kind: Path) -> Iterator[TreeImage]:
    paths = list_images(kind)
    _check_stems(paths)
    name = kind.name
    if name != GOOD and folder != "test":
        raise InputError(
            kind, f"a defect type inside {folder}, where MVTec has only good", f"move it to test/{name}"
        )
    masks = _masks_by_stem(root / GROUND_TRUTH / name, good=name == GOOD) if paths and folder == "test" else {}
    for path in paths:
        if name != GOOD and path.stem not in masks:
            wanted = root / GROUND_TRUTH / name / f"{path.stem}_mask.png"
            raise InputError(
                path, f"no mask for this defect image ({wanted} is missing)", "add it or remove the image"
            )
        found = (f"{GROUND_TRUTH}/{name}/{masks[path.stem]}",) if path.stem in masks else ()
        yield TreeImage(root, f"{folder}/{name}/{path.name}", SPLIT_FOLDERS[folder], name, found)


def _masks_by_stem(folder: Path, *, good: bool) -> dict[str, str]:
    if not good and not images_in(folder):
        raise InputError(folder, "no masks for the defect images of this type", "add NNN_mask.png for each image")
    masks: dict[str, str] = {}
    for path in images_in(folder):
        stem = path.stem.removesuffix("_mask")
        if stem in masks:
            raise InputError(path, f"a second mask for {stem}, next to {masks[stem]}", "keep one of them")
        masks[stem] = path.name
    return masks


def _check_stems(paths: list[Path]) -> None:
    by_stem: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_stem:
            raise InputError(
                path, f"its mask name is ambiguous with {by_stem[path.stem].name}", "rename or remove one"
            )
        by_stem[path.stem] = path


def _check_masks_have_images(root: Path, images: list[TreeImage]) -> None:
    paired = {mask for image in images for mask in image.masks}
    for folder in subfolders(root / GROUND_TRUTH):
        for mask in list_images(folder):
            if f"{GROUND_TRUTH}/{folder.name}/{mask.name}" not in paired:
                stem = mask.stem.removesuffix("_mask")
                raise InputError(
                    mask,
                    f"no image for this mask (test/{folder.name}/{stem}.* is missing)",
                    "add the image or remove the mask",
                )
