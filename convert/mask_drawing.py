"""The masks of one image to its instances and its pixel mask."""

from typing import TYPE_CHECKING

import msgspec

from convert.conversion import Instance
from convert.mask_instances import Cut, check_some_kept, cut_mask
from convert.report import Event
from datasets.formats.mask_folders import MaskedImage
from datasets.formats.mask_layers import MaskMeaning, Void, read_mask_content
from datasets.images.image_file import ImageInfo
from datasets.masks.component import Component, mask_to_component
from datasets.masks.edges import component_to_rle
from datasets.masks.paint import paint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MaskDrawing(msgspec.Struct, frozen=True):
    """The result of drawing the masks of an image; `pixel_mask` is H x W indices, None without a defect.

    An image that is not `kept` has void pixels only. `mask_values` are as in Converted.
    """

    instances: list[Instance]
    pixel_mask: "NDArray[np.uint8] | None"
    events: list[Event]
    kept: bool
    mask_values: tuple[tuple[int, int], ...]


def draw_masks(image: MaskedImage, info: ImageInfo, meaning: MaskMeaning, cut: Cut, void: Void) -> MaskDrawing:
    """Read the masks of an image and cut them into instances, masks in their order.

    Raises InputError for masks that cannot be read, have another size than the image, or only components that
    are too small.
    """
    painted: list[tuple[int, Component]] = []
    instances: list[Instance] = []
    events: list[Event] = []
    values: set[tuple[int, int]] = set()
    void_pixels: NDArray[np.bool_] | None = None
    has_layers = False
    for mask in image.masks:
        content = read_mask_content(mask, meaning, (info.width, info.height))
        values.update(content.mask_values)
        if content.pages > 1:
            events.append(Event(image.file_name, "", "mask-pages", f"{content.pages} pages"))
        for layer in content.layers:
            has_layers = True
            kept, made, lost = cut_mask(image.file_name, layer.pixels, layer.category_id, cut, whole=layer.whole)
            painted += [(layer.category_id, component) for component in kept]
            instances += made
            events += lost
        if content.void is not None:
            void_pixels = content.void if void_pixels is None else void_pixels | content.void
    if has_layers:
        check_some_kept(image.masks[0].path, instances, cut)
    pixel_mask, covered = paint(info.height, info.width, painted) if painted else (None, [])
    if any(covered):
        events.append(Event(image.file_name, "", "overlap", f"{sum(covered)} px of two categories"))
    if void_pixels is not None:
        rest = void_pixels if pixel_mask is None else void_pixels & (pixel_mask == 0)
        kept_void, happened = _void(image.file_name, rest, meaning.count, void, is_all=not painted)
        instances += kept_void
        events += happened
    left_out = any(event.code == "image-left-out" for event in events)
    return MaskDrawing(instances, pixel_mask, events, not left_out, tuple(sorted(values)))


def _void(
    file_name: str, pixels: "NDArray[np.bool_]", count: int, void: Void, *, is_all: bool
) -> tuple[list[Instance], list[Event]]:
    """The ignore regions of void pixels, one for each category, because a prediction of any may be there."""
    if not pixels.any():
        return [], []
    component = mask_to_component(pixels)
    size = f"{component.area} px"
    if void == "ignore":
        rle = component_to_rle(component, *pixels.shape)
        regions = [Instance(k, component.box, component.area, rle, iscrowd=1) for k in range(1, count + 1)]
        return regions, [Event(file_name, "", "void-kept", size)]
    events = [Event(file_name, "", "void-lost", size)]
    if is_all:
        events.append(Event(file_name, "", "image-left-out", "void pixels only"))
    return [], events
