"""Work on the annotations of several images at once, which takes much less time than one by one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convert.coco_source import CocoImage, check_segmentation
from datasets.coco import Annotation, Image, Rle

if TYPE_CHECKING:
    from datasets.masks.pixel_runs import PixelRuns

BATCH_IMAGES = 64
BATCH_SIZE = 200_000  # characters of run lengths, numbers of polygons and columns of boxes; limits memory
MAX_COLUMNS = 100_000  # that are counted, whatever a box states
LARGEST_CHUNK = 1  # batches that a process takes at a time


def in_batches(images: Sequence[CocoImage]) -> list[list[CocoImage]]:
    """The images in groups small enough for memory."""
    batches: list[list[CocoImage]] = []
    size = 0
    for item in images:
        own = sum(_size(annotation) for annotation in item.annotations)
        if not batches or len(batches[-1]) == BATCH_IMAGES or size + own > BATCH_SIZE:
            batches.append([])
            size = 0
        batches[-1].append(item)
        size += own
    return batches


def instance_runs(labelled: "Sequence[tuple[Image, Annotation]]") -> "PixelRuns":
    """The pixels of annotations, each with its image and with a segmentation.

    Raises InputError for a segmentation that cannot be drawn in its image.
    """
    import numpy as np

    from datasets.masks.pixel_runs import runs_of_lengths
    from datasets.masks.run_lengths import all_run_lengths, run_lengths

    if not labelled:
        nothing = np.empty(0, np.int64)
        return runs_of_lengths(nothing, nothing, nothing)
    rles = [_rle(image, annotation) for image, annotation in labelled]
    unpacked = all_run_lengths(rles)
    if unpacked is None:
        for image, annotation in labelled:
            check_segmentation(image, annotation)
        one_by_one = [run_lengths(str(rle.counts)) for rle in rles]
        unpacked = np.concatenate(one_by_one), np.array([len(lengths) for lengths in one_by_one])
    return runs_of_lengths(*unpacked, np.array([rle.size[0] for rle in rles]))


def _rle(image: Image, annotation: Annotation) -> Rle:
    """The compressed mask of an annotation. Raises InputError for one that cannot be compressed."""
    segmentation, size = annotation.segmentation, (image.height, image.width)
    if isinstance(segmentation, Rle) and isinstance(segmentation.counts, str) and segmentation.size == size:
        return segmentation
    from datasets.masks.rle import to_rle

    check_segmentation(image, annotation)
    rle = to_rle(segmentation, *size)
    if rle is None:
        raise ValueError("an annotation without a segmentation")
    return rle


def _size(annotation: Annotation) -> int:
    segmentation = annotation.segmentation
    columns = min(int(annotation.bbox[2]) + 1, MAX_COLUMNS)
    if isinstance(segmentation, Rle):
        return len(segmentation.counts) + columns
    return sum(map(len, segmentation)) + columns
