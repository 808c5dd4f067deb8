"""Convert a binary mask to COCO instances, one per component; shared by all conversions from masks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from convert.conversion import Instance
from convert.report import Event
from datasets.coco import Segmentation, SegmentationForm
from datasets.formats.listed_image import check_upright
from datasets.images.image_file import ImageInfo, parse_info, read_image_bytes
from datasets.images.mask_file import looks_inverted
from datasets.masks.component import Component, mask_to_component
from datasets.masks.edges import components_to_rles
from datasets.masks.find_components import components, merge_near
from system.errors import InputError, OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Cut(msgspec.Struct, frozen=True):
    """How a mask is cut into components and how they are written; sizes in pixels."""

    connectivity: Literal[4, 8] = 8
    min_area: int = 1
    merge_gap: int = 0
    segmentation: SegmentationForm = "rle"


def check_cut(cut: Cut, threshold: int | None) -> None:
    """Raise OptionError for values no conversion from masks can use."""
    if cut.min_area < 1:
        raise OptionError(f"--min-area {cut.min_area}", "less than one pixel", "give 1 or more")
    if cut.merge_gap < 0:
        raise OptionError(f"--merge-gap {cut.merge_gap}", "negative", "give 0 or more pixels")
    if threshold is not None and threshold < 1:
        raise OptionError(f"--threshold {threshold}", "would make every pixel a defect", "give 1 or more")


def read_masked_image(path: Path) -> tuple[ImageInfo, bytes]:
    """Header and bytes of an image that has a mask. Raises InputError if EXIF rotates it."""
    data = read_image_bytes(path)
    info = parse_info(path, data)
    check_upright(path, info.orientation)
    return info, data


def check_some_kept(path: Path, instances: list[Instance], cut: Cut) -> None:
    """Raise InputError if every component of the mask at `path` was too small."""
    if not instances:
        problem = f"no component has --min-area {cut.min_area} pixels, the image would become a negative"
        raise InputError(path, problem, "lower --min-area or remove the image")


def cut_mask(
    file_name: str, mask: "NDArray[np.bool_]", category_id: int, cut: Cut, *, whole: bool = False
) -> tuple[list[Component], list[Instance], list[Event]]:
    """The components of an H x W bool mask that are large enough, and the instances they become.

    With `whole` the mask is one instance, even if it has several components. Components with fewer than
    `min_area` pixels become events, and so does a mask that looks inverted.
    """
    height, width = mask.shape
    events = []
    if looks_inverted(mask):
        events.append(Event(file_name, "", "looks-inverted", f"{mask.mean():.0%} of the image"))
    if whole:
        parts = [mask_to_component(mask)] if mask.any() else []
    else:
        parts = components(mask, connectivity=cut.connectivity)
    joined = merge_near(parts, cut.merge_gap)
    if len(joined) < len(parts):
        events.append(Event(file_name, "", "merged-gap", f"{len(parts) - len(joined)} joined"))
    areas = [component.area for component in joined]
    kept = [(component, area) for component, area in zip(joined, areas, strict=True) if area >= cut.min_area]
    for component, area in zip(joined, areas, strict=True):
        if area < cut.min_area:
            events.append(Event(file_name, str(list(component.box)), "below-min-area", f"{area} px"))
    written = _segmentations([component for component, _ in kept], height, width, cut.segmentation)
    instances = [
        Instance(category_id, component.box, area, segmentation)
        for (component, area), segmentation in zip(kept, written, strict=True)
    ]
    return [component for component, _ in kept], instances, events


def _segmentations(
    parts: list[Component], height: int, width: int, form: SegmentationForm
) -> Sequence[Segmentation]:
    if form == "rle":
        return components_to_rles(parts, height, width)
    from datasets.masks.pixel_outline import component_to_segmentation

    return [component_to_segmentation(component, height, width, form) for component in parts]
