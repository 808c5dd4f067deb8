"""One binary mask to COCO instances, a component each: what every conversion from masks shares."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from convert.conversion import Instance
from convert.report import Event
from datasets.coco import Segmentation
from datasets.formats.listed_image import check_upright
from datasets.images.image_file import ImageInfo, parse_info, read_image_bytes
from datasets.masks.edge_components import mask_components
from datasets.masks.edges import edges_area, edges_box, edges_to_rle, rle_to_edges
from system.errors import InputError, OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


def read_masked_image(path: Path) -> tuple[ImageInfo, bytes]:
    """Header and bytes of a picture that has a mask. Raises InputError where EXIF turns it, but not its mask."""
    data = read_image_bytes(path)
    info = parse_info(path, data)
    check_upright(path, info)
    return info, data


def check_some_kept(path: Path, instances: list[Instance], cut: Cut) -> None:
    """Raise InputError where every component of the mask at `path` was too small."""
    if not instances:
        problem = f"no component has --min-area {cut.min_area} pixels, the image would become a negative"
        raise InputError(path, problem, "lower --min-area or remove the image")


def cut_mask(
    file_name: str, mask: "NDArray[np.bool_]", category_id: int, cut: Cut
) -> "tuple[list[NDArray[np.int64]], list[Instance], list[Event]]":
    """The edges (see datasets.masks.edges) of the components of an H x W bool mask, and the instances they become.

    Components with fewer than `min_area` pixels become events.
    """
    height, width = mask.shape
    found = mask_components(mask, cut.connectivity)
    kept, instances, events = [], [], []
    if cut.merge_gap:
        apart, found = len(found), _near_joined(mask, cut)
        if len(found) < apart:
            events.append(Event(file_name, "", "merged-gap", f"{apart - len(found)} joined"))
    for edges in found:
        box, area = edges_box(edges, height), edges_area(edges)
        if area < cut.min_area:
            events.append(Event(file_name, str(list(box)), "below-min-area", f"{area} px"))
            continue
        kept.append(edges)
        instances.append(Instance(category_id, box, area, _segmentation(edges, height, width, cut.segmentation)))
    return kept, instances, events


def _near_joined(mask: "NDArray[np.bool_]", cut: Cut) -> "list[NDArray[np.int64]]":
    from datasets.masks.component import components
    from datasets.masks.rle import component_to_rle

    found = components(mask, connectivity=cut.connectivity, merge_gap=cut.merge_gap)
    return [rle_to_edges(component_to_rle(component, *mask.shape)) for component in found]


def _segmentation(edges: "NDArray[np.int64]", height: int, width: int, how: str) -> Segmentation:
    from datasets.masks.pixel_outline import component_to_segmentation
    from datasets.masks.rle import rle_to_component

    rle = edges_to_rle(edges, height, width)
    if how == "rle":
        return rle
    return component_to_segmentation(rle_to_component(rle), height, width, how)
