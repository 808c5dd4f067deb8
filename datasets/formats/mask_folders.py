"""Pair the images of one folder with the masks of another by their names."""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from datasets.formats.mask_pattern import NUMBER, STEM, MaskPattern, unicode_form
from datasets.formats.split_names import exact_split_name
from datasets.images.image_file import is_image
from datasets.images.no_image import no_image
from system.errors import InputError
from system.exclude import NOTHING, Excluder
from system.files import check_unicode


class MaskFile(msgspec.Struct, frozen=True):
    """A mask, its defect type if a folder names it, and the mask of its objects if there is one."""

    path: Path
    type: str | None = None
    objects: Path | None = None


class MaskedImage(msgspec.Struct, frozen=True):
    """An image, its name in the dataset, and its masks in the order of type and name."""

    path: Path
    file_name: str
    masks: tuple[MaskFile, ...]


class Pairing(msgspec.Struct, frozen=True):
    """Images sorted by name, the types that folders name, and the faults of pairing; faulty files are left out."""

    images: list[MaskedImage]
    types: tuple[str, ...]
    faults: list[InputError]


class _Named(msgspec.Struct, frozen=True):
    """A mask with the folder of its type and its name below that, without ending."""

    path: Path
    type: str | None
    name: str


class _Partners(msgspec.Struct, frozen=True):
    """Finds the images of a mask by the part that their names have in common."""

    pattern: MaskPattern
    images: dict[str, list[Path]]

    def of(self, mask: _Named) -> list[list[Path]]:
        """The images of a mask: one group, or several where its name is ambiguous, or none."""
        groups = [self.images.get(common, []) for common in self.pattern.common_parts(mask.name)]
        others = [[image for image in group if image != mask.path] for group in groups]
        return [group for group in others if group]


def pair_masks(
    images: Path, masks: Path, pattern: MaskPattern, exclude: Excluder = NOTHING, *, type_folders: bool = False
) -> Pairing:
    """Pair every image below `images` with its masks below `masks`, or below `masks`/TYPE with `type_folders`.

    An image without a mask is paired with none. A mask without an image is a fault, and so is a second mask of an
    image unless the pattern has {n}. An image whose masks are all excluded is left out: it is not a negative.
    Raises InputError if nothing pairs or a folder has no image.
    """
    masks = _relative_to_other(masks, images)
    image_files = [path for path in list_below(images) if not exclude.excludes(images, _below(path, images))]
    commons = {path: pattern.common_part(_stem(path, images)) for path in image_files}
    partners = _Partners(pattern, _by_common(commons))
    listed = [_named(path, masks, type_folders=type_folders) for path in list_below(masks)]
    named = [mask for mask in listed if not exclude.excludes(masks, _below(mask.path, masks))]
    pairs = [(mask, partners.of(mask)) for mask in named]
    kept = {mask.path for mask in named}
    unread = {image for mask in listed if mask.path not in kept for group in partners.of(mask) for image in group}
    if not image_files:
        raise InputError(images, "every image in this folder is excluded", "correct --exclude")
    if not any(groups for _, groups in pairs):
        wanted = next((common for common in commons.values() if common), None)
        raise _nothing_pairs(images, masks, pattern, image_files[0], wanted, named)
    faults = [*_without_type(named, type_folders=type_folders), *_second_masks(named, commons)]
    ambiguous = [(mask, groups) for mask, groups in pairs if len(groups) > 1]
    faults += [_ambiguous(mask, groups) for mask, groups in ambiguous]
    faults += [
        InputError(
            mask.path,
            f"no image in {images} matches this mask by the pattern {pattern}",
            "add the image, remove the mask or give another --pattern",
        )
        for mask, groups in pairs
        if not groups and mask.path not in commons
    ]
    faulty = {fault.where for fault in faults}
    of_image: defaultdict[Path, list[MaskFile]] = defaultdict(list)
    for mask, groups in pairs:
        for image in groups[0] if groups else []:
            of_image[image].append(MaskFile(mask.path, mask.type))
    left_out = {image for mask, groups in pairs if mask.path in faulty for group in groups for image in group}
    left_out |= {mask.path for mask, groups in pairs if groups} | {
        image for image in unread if image not in of_image
    }
    paired = [
        MaskedImage(path, path.relative_to(images).as_posix(), tuple(of_image[path]))
        for path in image_files
        if path not in left_out
    ]
    types = sorted({mask.type for mask, _ in pairs if mask.type is not None})
    return Pairing(sorted(paired, key=lambda image: image.file_name), tuple(types), faults)


def list_below(folder: Path) -> list[Path]:
    """Every image file below a folder, sorted, without hidden folders. Raises InputError if there is none."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name a folder of images and one of masks")
    image_files: list[Path] = []
    for root, subfolders, names in os.walk(folder, onerror=_raise):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        image_files += [path for name in names if is_image(path := Path(root, name))]
    if not image_files:
        raise no_image(folder)
    check_unicode(folder, map(str, image_files))
    return sorted(image_files)


def has_type_folders(images: Path, masks: Path) -> bool:
    """Whether all masks are in two or more folders that can only be named after defect types.

    The images do not have these folders, and none is named like a split.
    """
    paths = [path.relative_to(masks).parts for path in list_below(masks)]
    folders = {parts[0] for parts in paths}
    if len(folders) < 2 or any(len(parts) < 2 for parts in paths):
        return False
    return not any((images / folder).exists() or exact_split_name(folder) for folder in folders)


def _raise(error: OSError) -> NoReturn:
    raise error


def _relative_to_other(folder: Path, other: Path) -> Path:
    """`folder` as a path below `other` if it is inside it, so that equal files have equal paths."""
    if folder.resolve().is_relative_to(other.resolve()):
        return other / folder.resolve().relative_to(other.resolve())
    return folder


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _named(path: Path, masks: Path, *, type_folders: bool) -> _Named:
    name = unicode_form(_stem(path, masks))
    type_name, separator, below = name.partition("/")
    return _Named(path, type_name, below) if type_folders and separator else _Named(path, None, name)


def _by_common(commons: Mapping[Path, str | None]) -> dict[str, list[Path]]:
    by_common: dict[str, list[Path]] = {}
    for path, common in commons.items():
        if common is not None:
            by_common.setdefault(common, []).append(path)
    return by_common


def _without_type(named: Sequence[_Named], *, type_folders: bool) -> list[InputError]:
    remedy = "move it into one, or remove it"
    stray = [mask for mask in named if type_folders and mask.type is None]
    return [InputError(mask.path, "a mask outside the folders of the defect types", remedy) for mask in stray]


def _second_masks(named: Sequence[_Named], images: Collection[Path]) -> list[InputError]:
    """A fault for each mask with the type and name of an earlier one; one of the two may be an image."""
    first: dict[tuple[str | None, str], Path] = {}
    faults = []
    for mask in named:
        other = first.setdefault((mask.type, mask.name), mask.path)
        if other is not mask.path:
            remedy = "keep one of them"
            if mask.path in images:
                remedy = "move images and masks into folders of their own"
            faults.append(InputError(mask.path, f"a second mask of the same image as {other.name}", remedy))
    return faults


def _ambiguous(mask: _Named, groups: Sequence[Sequence[Path]]) -> InputError:
    names = " or ".join(group[0].name for group in groups)
    return InputError(mask.path, f"may be the mask of {names}", "rename it, or give another --pattern")


def _nothing_pairs(
    images: Path, masks: Path, pattern: MaskPattern, image: Path, common: str | None, named: Sequence[_Named]
) -> InputError:
    wanted = pattern.mask_of(common) if common else str(pattern)
    folders = sorted({mask.name.partition("/")[0] for mask in named if mask.type is None and "/" in mask.name})
    remedy = f"give the --pattern of the mask names, such as {STEM}_mask, or {STEM}_{NUMBER} for several per image"
    if len(folders) > 1 and not any((images / folder).is_dir() for folder in folders):
        remedy = f"give --type-folders to read the folders {', '.join(folders[:4])} as defect types"
    return InputError(masks, f"has no mask {wanted}.* for {image.name}", remedy)
