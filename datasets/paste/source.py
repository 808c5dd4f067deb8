"""The images for pasting: the annotations that can be pasted, and those that must stay together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Annotation, Image
from datasets.formats.dataset_folder import Dataset
from datasets.formats.members import annotations_by_name
from datasets.images.pixels import check_size, read_rgb
from datasets.masks.rle import decode
from datasets.paste.blend import seam_width, shrunk
from datasets.paste.place import DetectedPart, detect_part


@dataclass(frozen=True, slots=True)
class PasteImage:
    """An image to paste from or onto: a source of defects if it has annotations, else a canvas.

    `read` returns its pixels, H x W x 3 uint8 RGB. Defects are pasted only onto images of the same `product`.
    """

    image: Image
    annotations: Sequence[Annotation]
    read: Callable[[], NDArray[np.uint8]] = field(compare=False)
    product: str = ""

    @property
    def usable(self) -> list[Annotation]:
        """The annotations with a mask of one defect: no ignore regions and no boxes without a mask."""
        return [a for a in self.annotations if is_usable(a)]


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An image with its pixels, a copy SHRINK times smaller, and the part that it shows."""

    given: PasteImage
    rgb: NDArray[np.uint8]
    small: NDArray[np.uint8]
    part: DetectedPart


def list_paste_images(dataset: Dataset, images: Sequence[Image]) -> list[PasteImage]:
    """`images` of the dataset with their annotations; pixels are read when needed.

    In a dataset made of several category folders, each folder is a product.
    """
    annotations = annotations_by_name(dataset)
    return [
        PasteImage(
            image,
            annotations[image.file_name],
            partial(read_rgb, dataset.image_path(image), dataset.intensities),
            product_of(dataset, image.file_name),
        )
        for image in images
    ]


def product_of(dataset: Dataset, file_name: str) -> str:
    """The category folder that an image came from; empty if the dataset has only one."""
    sources = dataset.provenance.sources if dataset.provenance else []
    return next((s for s in sources if len(sources) > 1 and file_name.startswith(f"{s}/")), "")


def is_usable(annotation: Annotation) -> bool:
    """Whether an annotation has a mask of one defect."""
    return not annotation.iscrowd and bool(annotation.segmentation) and annotation.area > 0


def load_paste_image(given: PasteImage) -> LoadedImage:
    """Read an image and detect its part.

    Raises InputError if it cannot be read or does not have the listed size.
    """
    rgb, image = given.read(), given.image
    check_size(image.file_name, rgb.shape[1], rgb.shape[0], image.width, image.height)
    return LoadedImage(given, rgb, shrunk(rgb), detect_part(rgb))


def mask_of(annotation: Annotation, image: Image) -> NDArray[np.uint8]:
    """The mask of an annotation, H x W of 0 and 255; the mask of its box where it has no segmentation."""
    if annotation.segmentation:
        return decode(annotation.segmentation, image.height, image.width) * np.uint8(255)
    mask = np.zeros((image.height, image.width), np.uint8)
    x, y, w, h = annotation.bbox
    mask[max(0, int(y)) : int(np.ceil(y + h)), max(0, int(x)) : int(np.ceil(x + w))] = 255
    return mask


def groups(given: PasteImage) -> list[list[Annotation]]:
    """Groups of annotations that are pasted together, because the seam of one would show pixels of another."""
    image = given.image
    if len(given.annotations) == 1:
        return [list(given.annotations)]
    union = np.zeros((image.height, image.width), np.uint8)
    for annotation in given.annotations:
        union |= mask_of(annotation, image)
    wide = 2 * (seam_width(image.height, image.width) + 1) + 1
    near = cv2.dilate(union, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    _, labels = cv2.connectedComponents(near)
    together: list[tuple[set[int], list[Annotation]]] = []
    for annotation in given.annotations:
        covers, members = {int(v) for v in np.unique(labels[mask_of(annotation, image) > 0])}, [annotation]
        apart = []
        for other_covers, other_members in together:
            if covers & other_covers:
                covers, members = covers | other_covers, other_members + members
            else:
                apart.append((other_covers, other_members))
        together = [*apart, (covers, members)]
    return [members for _, members in together]
