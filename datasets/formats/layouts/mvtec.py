"""The layout of MVTec AD: `train/good`, `test/<type>`, `ground_truth/<type>/NNN_mask.png`; pairs found by name.

Source: https://www.mvtec.com/company/research/datasets/mvtec-ad. Prepared copies of other datasets (VisA, MPDD)
have the same layout, some with `validation/good` and masks without the ending `_mask`.
"""

from pathlib import Path

import msgspec

from datasets.formats.layouts.tree import (
    GOOD,
    ImageTree,
    TreeFault,
    TreeImage,
    TreeReading,
    make_tree,
    subfolders,
)
from system.errors import InputError
from system.exclude import NOTHING, Excluder

SPLIT_FOLDERS = {"test": "test", "train": "train", "validation": "val", "val": "val"}
GROUND_TRUTH = "ground_truth"


class _Scan(msgspec.Struct, frozen=True):
    """The images of a tree with their masks, and the faults of pairing them."""

    images: list[TreeImage]
    reading: TreeReading


class MvtecAd(msgspec.Struct, frozen=True):
    """MVTec AD, and datasets with the same folders."""

    name: str = "mvtec"

    def matches(self, root: Path) -> bool:
        """A folder test, train or ground_truth."""
        return any((root / folder).is_dir() for folder in ("test", "train", GROUND_TRUTH))

    def read(self, root: Path, exclude: Excluder = NOTHING) -> ImageTree:
        """List the images and pair each defect image with its mask."""
        scan = _Scan([], TreeReading(root, exclude))
        for folder in SPLIT_FOLDERS:
            for kind in subfolders(root / folder):
                _scan_type(root, folder, kind, scan)
        _find_masks_without_image(root, scan)
        return make_tree(root, self.name, scan.images, scan.reading.faults, where="in train/* or test/*")


def _scan_type(root: Path, folder: str, kind: Path, scan: _Scan) -> None:
    paths, name = scan.reading.images_in(kind), kind.name
    _find_same_stems(paths, scan)
    if name != GOOD and folder != "test":
        problem = f"a defect type inside {folder}, where MVTec has only good"
        scan.reading.faults.append(
            TreeFault("defect-in-train", InputError(kind, problem, f"move it to test/{name}"))
        )
    masks = _masks_by_stem(root / GROUND_TRUTH / name, scan) if folder == "test" else {}
    if paths and name != GOOD and folder == "test" and not masks:
        problem = "no masks for the defect images of this type"
        error = InputError(root / GROUND_TRUTH / name, problem, "add NNN_mask.png for each image")
        scan.reading.faults.append(TreeFault("unlabelled-defect", error, (kind,)))
    for path in paths:
        if name != GOOD and masks and path.stem not in masks:
            wanted = f"{GROUND_TRUTH}/{name}/{path.stem}_mask.png"
            problem = f"no mask for this defect image ({wanted} is missing)"
            error = InputError(path, problem, "add it or remove the image")
            scan.reading.faults.append(TreeFault("unlabelled-defect", error))
        mask_paths = (f"{GROUND_TRUTH}/{name}/{masks[path.stem]}",) if path.stem in masks else ()
        image = TreeImage(root, f"{folder}/{name}/{path.name}", SPLIT_FOLDERS[folder], name, mask_paths)
        scan.images.append(image)


def _masks_by_stem(folder: Path, scan: _Scan) -> dict[str, str]:
    masks: dict[str, str] = {}
    for path in scan.reading.images_in(folder):
        stem = path.stem.removesuffix("_mask")
        if stem in masks:
            error = InputError(path, f"a second mask for {stem}, next to {masks[stem]}", "keep one of them")
            scan.reading.faults.append(TreeFault("ambiguous-pair", error, (folder / masks[stem],)))
        else:
            masks[stem] = path.name
    return masks


def _find_same_stems(paths: list[Path], scan: _Scan) -> None:
    by_stem: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_stem:
            problem = f"its mask name is ambiguous with {by_stem[path.stem].name}"
            error = InputError(path, problem, "rename or remove one")
            scan.reading.faults.append(TreeFault("ambiguous-pair", error, (by_stem[path.stem],)))
        else:
            by_stem[path.stem] = path


def _find_masks_without_image(root: Path, scan: _Scan) -> None:
    paired = {mask for image in scan.images for mask in image.masks}
    second = {str(fault.error.where) for fault in scan.reading.faults}
    for folder in subfolders(root / GROUND_TRUTH):
        for mask in scan.reading.images_in(folder):
            if f"{GROUND_TRUTH}/{folder.name}/{mask.name}" not in paired and str(mask) not in second:
                stem = mask.stem.removesuffix("_mask")
                problem = f"no image for this mask (test/{folder.name}/{stem}.* is missing)"
                error = InputError(mask, problem, "add the image or remove the mask")
                scan.reading.faults.append(TreeFault("unpaired-mask", error))
