"""A folder of masks in the layout of Pascal VOC, which CVAT ("Segmentation mask 1.1") and Datumaro also write."""

import os
from pathlib import Path

import msgspec

from datasets.formats.labelmap import LABELMAP
from datasets.formats.mask_folders import MaskedImage, MaskFile
from datasets.formats.voc_splits import read_image_sets

CLASSES = "SegmentationClass"  # masks whose colours or indices are the defect types
OBJECTS = "SegmentationObject"  # masks of the same names with a colour for each object
SPLIT_LISTS = "Segmentation"  # the folder in ImageSets


class MaskSource(msgspec.Struct, frozen=True):
    """The folder of the masks, and, if they exist, the folder of the masks of objects and the split of each image
    id."""

    masks: Path
    objects: Path | None
    splits: dict[str, str]


def find_mask_source(folder: Path) -> MaskSource:
    """The folders of masks in `folder`, which is in the layout of Pascal VOC or contains the masks directly.

    Raises InputError for split lists that contradict each other.
    """
    if not (folder / CLASSES).is_dir():
        return MaskSource(folder, None, {})
    objects = folder / OBJECTS
    has_lists = (folder / "ImageSets" / SPLIT_LISTS).is_dir()
    splits = read_image_sets(folder, SPLIT_LISTS) if has_lists else {}
    return MaskSource(folder / CLASSES, objects if objects.is_dir() else None, splits)


def find_labelmap(folder: Path) -> Path | None:
    """The labelmap.txt in a folder of masks, or next to the folder; None if there is none."""
    for path in (folder / LABELMAP, folder.parent / LABELMAP):
        if path.is_file():
            return path
    return None


def with_objects(image: MaskedImage, source: MaskSource) -> MaskedImage:
    """The image with the object file of each of its masks; missing files are left out."""
    if source.objects is None:
        return image
    masks = []
    for mask in image.masks:
        objects = source.objects / os.path.relpath(mask.path, source.masks)
        masks.append(MaskFile(mask.path, mask.type, objects if objects.is_file() else None))
    return MaskedImage(image.path, image.file_name, tuple(masks))
