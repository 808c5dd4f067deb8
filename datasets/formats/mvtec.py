"""The MVTec AD tree: `train/good`, `test/<type>`, `ground_truth/<type>/NNN_mask.png`; pairs found by name.

Source: https://www.mvtec.com/company/research/datasets/mvtec-ad
"""

from pathlib import Path

import msgspec

from datasets.images.image_file import list_images
from system.errors import InputError
from system.files import check_unicode

GOOD = "good"


class MvtecImage(msgspec.Struct, frozen=True):
    """One picture of a tree: `relative` is like test/scratch/000.png, `mask_name` None for good ones.

    Paths are made when they are asked for: a tree of many pictures takes a third less memory so.
    """

    root: Path
    relative: str
    split: str
    type: str
    mask_name: str | None

    @property
    def path(self) -> Path:
        """The picture."""
        return self.root / self.relative

    @property
    def mask(self) -> Path | None:
        """The ground-truth mask, None for good ones."""
        return None if self.mask_name is None else self.root / "ground_truth" / self.type / self.mask_name


class MvtecTree(msgspec.Struct, frozen=True):
    """A category folder, images sorted by relative path."""

    root: Path
    images: tuple[MvtecImage, ...]

    @property
    def name(self) -> str:
        """Name of the category, that is of its folder."""
        return self.root.resolve().name

    @property
    def defect_types(self) -> list[str]:
        """Defect types in alphabetical order, without good."""
        return sorted({image.type for image in self.images} - {GOOD})


def looks_like_mvtec(path: Path) -> bool:
    """Whether `path` has the folders by which an MVTec category is known."""
    return (path / "test").is_dir() or (path / "train").is_dir() or (path / "ground_truth").is_dir()


def read_mvtec_tree(root: Path) -> MvtecTree:
    """List a category folder and pair each defect image with its mask. Raises InputError where that fails."""
    if not root.is_dir():
        raise InputError(root, "no such folder", "name an MVTec category folder (with train, test, ground_truth)")
    if not looks_like_mvtec(root):
        inside = sorted(p.name for p in root.iterdir() if p.is_dir() and looks_like_mvtec(p))
        remedy = f"name one of the folders inside: {', '.join(inside)}" if inside else "name another folder"
        raise InputError(root, "not an MVTec category folder (no train, test or ground_truth in it)", remedy)
    images: list[MvtecImage] = []
    for split in ("test", "train"):
        for folder in _subfolders(root / split):
            images += _read_type(root, split, folder)
    check_unicode(root, (image.relative for image in images))
    _check_masks_have_images(root, images)
    if not images:
        raise InputError(root, "no image in train/* or test/*", "check that it was unpacked completely")
    return MvtecTree(root, tuple(sorted(images, key=lambda image: image.relative)))


def _read_type(root: Path, split: str, folder: Path) -> list[MvtecImage]:
    paths = list_images(folder)
    _check_stems(paths)
    kind = folder.name
    if kind != GOOD and split == "train":
        raise InputError(
            folder, "a defect type inside train, where MVTec has only good", f"move it to test/{kind}"
        )
    masks: dict[str, str] = {}
    if kind != GOOD and paths:
        masks = _masks_by_stem(root / "ground_truth" / kind)
    found = []
    for path in paths:
        if kind != GOOD and path.stem not in masks:
            wanted = root / "ground_truth" / kind / f"{path.stem}_mask.png"
            raise InputError(
                path, f"no mask for this defect image ({wanted} is missing)", "add it or remove the image"
            )
        found.append(MvtecImage(root, f"{split}/{kind}/{path.name}", split, kind, masks.get(path.stem)))
    return found


def _masks_by_stem(folder: Path) -> dict[str, str]:
    if not folder.is_dir() or not list_images(folder):
        raise InputError(folder, "no masks for the defect images of this type", "add NNN_mask.png for each image")
    masks: dict[str, str] = {}
    for path in list_images(folder):
        stem = path.stem.removesuffix("_mask")
        if stem in masks:
            raise InputError(path, f"a second mask for {stem} beside {masks[stem]}", "keep one of them")
        masks[stem] = path.name
    return masks


def _check_stems(paths: list[Path]) -> None:
    by_stem: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_stem:
            raise InputError(
                path, f"its mask cannot be told from that of {by_stem[path.stem].name}", "rename or remove one"
            )
        by_stem[path.stem] = path


def _check_masks_have_images(root: Path, images: list[MvtecImage]) -> None:
    paired = {(image.type, image.mask_name) for image in images}
    for folder in _subfolders(root / "ground_truth"):
        for mask in list_images(folder):
            if folder.name == GOOD:
                raise InputError(mask, "a mask of a good image, which has no defect", "remove the mask")
            if (folder.name, mask.name) not in paired:
                stem = mask.stem.removesuffix("_mask")
                raise InputError(
                    mask,
                    f"no image for this mask (test/{folder.name}/{stem}.* is missing)",
                    "add the image or remove the mask",
                )


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
