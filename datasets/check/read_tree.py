"""Read a tree of images and masks, such as MVTec AD, for `datasets check`."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Entry, Facts, ImageFacts, Listing, Reading
from datasets.check.findings import as_finding, links_outside, same_stems, unusable
from datasets.formats.labelme import is_labelme
from datasets.formats.layouts.mvtec import GROUND_TRUTH, MvtecAd
from datasets.formats.layouts.registry import find_layout
from datasets.formats.layouts.tree import GOOD, ImageTree, TreeImage, check_good_mask, check_has_defects
from datasets.formats.listed_image import check_mask_size
from datasets.images.image_file import ImageInfo, check_whole, read_image_bytes, read_info
from datasets.images.mask_file import looks_inverted, read_mask
from datasets.masks.find_components import components
from system.errors import InputError
from system.exclude import NOTHING, Excluder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TreeEntry(Entry, frozen=True, kw_only=True):
    """An image with its masks, and the grey value from which a pixel of them is a defect, as in `read_mask`."""

    image: TreeImage
    threshold: int | None = None


class MvtecTree(msgspec.Struct, frozen=True):
    """MVTec AD and the other layouts that `convert mvtec2coco` reads; `threshold` as its option."""

    threshold: int | None = None
    name: str = "MVTec tree"
    upright_only: bool = True

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[TreeEntry] | None:
        """The images with their masks, None if `root` has no known layout.

        Also None for a tree with labelme files and without ground_truth, which `convert coco2labelme` wrote.
        """
        layout = find_layout(root) if root.is_dir() else None
        if layout is None:
            return None
        if isinstance(layout, MvtecAd) and not (root / GROUND_TRUTH).is_dir() and _has_labelme(root):
            return None
        tree = layout.read(root, exclude)
        unpaired = all(fault.code == "broken-tree" for fault in tree.faults)
        if isinstance(layout, MvtecAd) and not tree.images and unpaired and any(map(is_labelme, root.rglob("*"))):
            return None  # other formats have such folders too
        faults = [as_finding(root, fault.error, fault.code) for fault in tree.faults]
        if tree.images and not faults:
            try:
                check_has_defects([tree])
            except InputError as error:
                faults += unusable(root, error)
        faults += same_stems(image.relative for image in tree.images)
        faults += links_outside(root, (image.path for image in tree.images), [root])
        return _listing(tree, faults, self.threshold)

    def read(self, entry: TreeEntry, width: int, height: int) -> Reading:
        """The components of the masks of one image, in pixels."""
        annotations: list[AnnotationFacts] = []
        findings: list[Finding] = []
        for name, path in zip(entry.image.masks, entry.image.mask_paths, strict=True):
            try:
                check_whole(path, read_image_bytes(path))
            except InputError as error:
                findings.append(Finding(name, "", "bad-mask", error.problem))
                continue
            with suppress(InputError):  # read_mask states the same fault in the words of a conversion
                findings += _check_size(name, path, read_info(path), (width, height))
            try:
                mask = _read_mask(path, entry)
            except InputError as error:
                findings.append(Finding(name, "", _mask_code(path, entry), error.problem))
                continue
            if looks_inverted(mask):
                findings.append(Finding(name, "", "looks-inverted", f"{mask.mean():.0%} of the image"))
            parts = components(mask)
            try:
                check_good_mask(path, entry.image, is_black=not parts)
            except InputError as error:
                findings.append(Finding(name, "", "good-with-shapes", error.problem))
                continue
            first = len(annotations) + 1
            annotations += [
                AnnotationFacts(f"component {i}", entry.image.type, c.box, c.area)
                for i, c in enumerate(parts, first)
            ]
        return Reading(annotations, findings)

    def is_split(self, images: Sequence[ImageFacts]) -> bool:  # noqa: ARG002
        """False: the splits are MVTec's own, where train has good images only."""
        return False

    def check_together(self, facts: Facts) -> list[Finding]:  # noqa: ARG002
        """No findings."""
        return []


def _listing(tree: ImageTree, findings: list[Finding], threshold: int | None) -> Listing[TreeEntry]:
    entries = [
        TreeEntry(
            name=image.relative,
            path=str(image.path),
            split=image.split,
            is_good=image.type == GOOD,
            image=image,
            threshold=tree.threshold(threshold),
        )
        for image in tree.images
    ]
    return Listing(entries, tree.defect_types, findings)


def _check_size(name: str, path: Path, info: ImageInfo, image: tuple[int, int]) -> list[Finding]:
    """A finding if a mask and its `image` (width, height in pixels, 0 if unknown) differ in size."""
    try:
        check_mask_size(path, (info.width, info.height), image if min(image) > 0 else (info.width, info.height))
    except InputError as error:
        return [Finding(name, "", "mask-size", error.problem)]
    return []


def _read_mask(path: Path, entry: TreeEntry, *, empty_ok: bool = False) -> "NDArray[np.bool_]":
    harmless = entry.image.type == GOOD or entry.image.black_is_good
    return read_mask(path, entry.threshold, empty_ok=empty_ok or harmless)


def _mask_code(path: Path, entry: TreeEntry) -> str:
    try:
        _read_mask(path, entry, empty_ok=True)
    except InputError:
        return "bad-mask"
    return "empty-mask"


def _has_labelme(root: Path) -> bool:
    return any(is_labelme(path) for split in ("test", "train") for path in (root / split).rglob("*"))
