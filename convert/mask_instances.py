"""One binary mask to COCO instances, a component each: what every conversion from masks shares."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from convert.assemble import Instance
from convert.report import Event
from datasets.errors import InputError, OptionError
from datasets.images import ImageInfo, parse_info, read_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datasets.masks import Component


class Cut(msgspec.Struct, frozen=True):
    """How a mask is cut into components and how they are written; sizes in pixels."""

    connectivity: Literal[4, 8] = 8
    min_area: int = 1
    merge_gap: int = 0
    segmentation: Literal["rle", "polygon", "auto"] = "rle"


def check_cut(cut: Cut, threshold: int | None) -> None:
    """Raise OptionError for values no conversion from masks can use."""
    if cut.min_area < 1:
        raise OptionError(f"--min-area {cut.min_area}", "less than one pixel", "give 1 or more")
    if cut.merge_gap < 0:
        raise OptionError(f"--merge-gap {cut.merge_gap}", "negative", "give 0 or more pixels")
    if threshold is not None and threshold < 1:
        raise OptionError(f"--threshold {threshold}", "would make every pixel a defect", "give 1 or more")


def read_masked_picture(path: Path) -> tuple[ImageInfo, bytes]:
    """Header and bytes of a picture that has a mask. Raises InputError where EXIF turns it, but not its mask."""
    data = read_picture(path)
    info = parse_info(path, data)
    if info.orientation != 1:
        problem = f"EXIF orientation {info.orientation}, while masks are as stored"
        raise InputError(path, problem, "save it upright")
    return info, data


def check_mask_size(path: Path, mask: "NDArray[np.generic]", picture: ImageInfo) -> None:
    """Raise InputError where the mask at `path` is not as large as its picture."""
    if mask.shape != (picture.height, picture.width):
        problem = f"{mask.shape[1]} x {mask.shape[0]} pixels, its image {picture.width} x {picture.height}"
        raise InputError(path, problem, "make the mask as large as the image")


def check_some_kept(path: Path, instances: list[Instance], cut: Cut) -> None:
    """Raise InputError where every component of the mask at `path` was too small."""
    if not instances:
        problem = f"no component has --min-area {cut.min_area} pixels, the image would become a negative"
        raise InputError(path, problem, "lower --min-area or remove the image")


def cut_mask(
    file_name: str, mask: "NDArray[np.bool_]", category_id: int, cut: Cut
) -> "tuple[list[Component], list[Instance], list[Event]]":
    """Components of an H x W bool mask with at least `min_area` pixels, and the instances they become."""
    from datasets.masks import components
    from datasets.polygons import component_to_segmentation

    found = components(mask, connectivity=cut.connectivity, merge_gap=cut.merge_gap)
    kept = [component for component in found if component.area >= cut.min_area]
    events = [
        Event(file_name, str(list(c.box)), "below-min-area", f"{c.area} px")
        for c in found
        if c.area < cut.min_area
    ]
    if cut.merge_gap and (joined := len(components(mask, connectivity=cut.connectivity)) - len(found)):
        events.append(Event(file_name, "", "merged-gap", f"{joined} joined"))
    height, width = mask.shape
    instances = [
        Instance(category_id, c.box, c.area, component_to_segmentation(c, height, width, cut.segmentation))
        for c in kept
    ]
    return kept, instances, events
