"""Read the source of a conversion from COCO: a dataset folder, a COCO file or the export of another tool."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from convert.distinct_names import category_events, with_distinct_names
from convert.exclusion import exclusion_events
from convert.faults import Fault, Faults, planning_faults
from convert.report import Event
from datasets.coco import SPLITS, Annotation, Category, Image
from datasets.formats.coco_export import CocoExport, read_coco_export
from datasets.formats.coco_images import missing_image, own_folders
from datasets.formats.coco_segmentation import check_drawable
from datasets.formats.coco_whole import nothing_labelled
from system.errors import InputError
from system.exclude import NOTHING, Excluder
from system.links import check_inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CocoImage(msgspec.Struct, frozen=True):
    """One image with its split and its annotations, in the order of the file; `path` is None if it is missing."""

    image: Image
    split: str
    annotations: list[Annotation]
    path: Path | None = None

    @property
    def file_name(self) -> str:
        """Its name in the dataset, relative to the folder of the images, with forward slashes."""
        return self.image.file_name

    def file(self) -> Path:
        """The path of the image file. Raises InputError if it is missing."""
        if self.path is None:
            raise InputError(
                self.file_name, "listed, but the image file is missing", "name its folder with --images"
            )
        return self.path


class CocoSource(msgspec.Struct, frozen=True):
    """Labelled images sorted by file name; `path` is the source that the user named, `events` are repairs."""

    path: Path
    splits: list[str]
    categories: list[Category]
    images: list[CocoImage]
    events: list[Event] = []

    def places(self) -> list[Path]:
        """Paths that must not overlap with the destination: the source and one image."""
        return [self.path, *[image.path for image in self.images if image.path is not None][:1]]

    def annotations(self) -> int:
        """The number of annotations of all images."""
        return sum(len(image.annotations) for image in self.images)


def read_coco_source(path: Path, folder: Path | None = None, exclude: Excluder = NOTHING) -> CocoSource:
    """Read a COCO dataset folder, a COCO file or an export; `folder` is a further folder of images.

    `read_coco_export` documents what is read and repaired. Images of a file without a split in its name are in
    train. Unlabelled images are left out with an event. Raises InputError if the source cannot be read or no
    image is labelled.
    """
    export = read_coco_export(path, folder, exclude=exclude)
    excluded = exclusion_events(exclude, export.images)
    events = [Event(*msgspec.structs.astuple(repair)) for repair in export.repairs] + excluded
    found = labelled_source(export, events)
    check_links(export, folder, found.images)
    return found


def check_links(export: CocoExport, folder: Path | None, images: Iterable[CocoImage]) -> None:
    """Raise InputError for an image that is a link to a file outside the source and the folder of images."""
    folders = [*own_folders(export.path, export.parts), *([folder] if folder else [])]
    for image in images:
        if image.path is not None:
            check_inside(image.path, folders)


def labelled_source(export: CocoExport, events: list[Event]) -> CocoSource:
    """The labelled images of an export as a source. Raises InputError if it has images but none is labelled."""
    unlabelled = [entry for entry in export.images if not entry.is_labelled]
    if unlabelled and len(unlabelled) == len(export.images):
        raise nothing_labelled(export.path, len(unlabelled))
    left_out = [Event(entry.image.file_name, "", "unlabelled", "no annotations file") for entry in unlabelled]
    left_out += category_events(export.categories)
    images = [
        CocoImage(entry.image, entry.split or SPLITS[0], entry.annotations, entry.path)
        for entry in export.images
        if entry.is_labelled
    ]
    splits = export.splits or [SPLITS[0]]
    return CocoSource(
        export.path, splits, export.categories, sorted(images, key=lambda i: i.file_name), events + left_out
    )


def present_images(path: Path, images: Sequence[CocoImage]) -> tuple[list[CocoImage], list[Fault]]:
    """The images of the COCO source `path` whose files are there, and a fault for each other image."""
    errors = [missing_image(path, image.file_name) for image in images if image.path is None]
    return [image for image in images if image.path is not None], planning_faults(path, errors)


def usable_images(coco: CocoSource, faults: Faults, *, need_files: bool = True) -> CocoSource:
    """The source without images that are missing or whose names are ambiguous, which are added to `faults`.

    Raises InputError when the limit of faults is reached.
    """
    images = coco.images
    if need_files:
        images, missing = present_images(coco.path, images)
        faults.add_all(missing)
    return msgspec.structs.replace(coco, images=with_distinct_names(images, faults))


def instance_mask(image: Image, annotation: Annotation) -> "NDArray[np.uint8]":
    """H x W uint8 mask (0 or 1) of an annotation, all 0 without a segmentation.

    Raises InputError if it cannot be drawn.
    """
    from datasets.masks.rle import decode

    check_segmentation(image, annotation)
    return decode(annotation.segmentation, image.height, image.width)


def check_segmentation(image: Image, annotation: Annotation) -> None:
    """Raise InputError for a segmentation that cannot be drawn in its image."""
    check_drawable(f"{image.file_name}, annotation {annotation.id}", image, annotation.segmentation)
