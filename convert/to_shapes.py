"""Instance masks to shapes that a person can edit in labelme: polygons, and mask shapes where there are holes."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from convert.simple_rings import simplify_rings
from datasets.formats.labelme import Point, Shape
from datasets.masks.component import Component
from datasets.masks.part_rings import PartRings, part_rings
from datasets.masks.polygon_fill import fill_even_odd
from datasets.masks.rle import decode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_TOLERANCE = 1.0  # pixels
MIN_IOU = 0.99
MAX_TOGETHER = 1_000_000  # pixels of the boxes of instances that are traced together


def component_to_shapes(
    component: Component,
    label: str,
    group_id: int,
    tolerance: float = DEFAULT_TOLERANCE,
    min_iou: float = MIN_IOU,
) -> list[Shape]:
    """Shapes that together cover the pixels of `component`; several of them carry `group_id`, one alone none.

    See `components_to_shapes`.
    """
    return join_group(components_to_shapes([(component, label)], tolerance, min_iou)[0], group_id)


def components_to_shapes(
    labelled: Sequence[tuple[Component, str]],
    tolerance: float = DEFAULT_TOLERANCE,
    min_iou: float = MIN_IOU,
) -> list[list[Shape]]:
    """For each component with its label the shapes that together cover its pixels, without `group_id`.

    A part without holes becomes a polygon that deviates from the outline by at most `tolerance` pixels and covers
    the same pixels at an IoU of `min_iou` or more, with `tolerance` 0 exactly the same. A part with holes
    becomes a `mask` shape. Parts are 4-connected.
    """
    shape_lists: list[list[Shape]] = []
    for group in _groups(labelled):
        parts = [part_rings(component.pixels) for component, _ in group]
        whole = [part.shell for own in parts for part in own if not part.holes]
        rings = iter(simplify_rings(whole, tolerance, min_iou))
        shape_lists += [_shapes(own, rings, *one) for own, one in zip(parts, group, strict=True)]
    return shape_lists


def join_group(shapes: Sequence[Shape], group_id: int) -> list[Shape]:
    """The shapes of one instance: with `group_id` where there are several."""
    if len(shapes) < 2:
        return list(shapes)
    return [msgspec.structs.replace(shape, group_id=group_id) for shape in shapes]


def _groups(labelled: Sequence[tuple[Component, str]]) -> Iterator[list[tuple[Component, str]]]:
    """All components in groups small enough for memory; several small ones take little longer than one."""
    group: list[tuple[Component, str]] = []
    pixels = 0
    for one in labelled:
        size = one[0].pixels.size
        if group and pixels + size > MAX_TOGETHER:
            yield group
            group, pixels = [], 0
        group.append(one)
        pixels += size
    if group:
        yield group


def _shapes(
    parts: Sequence[PartRings], rings: "Iterator[NDArray[np.float64]]", component: Component, label: str
) -> list[Shape]:
    import numpy as np

    x, y, _, _ = component.box
    shapes = []
    for part in parts:
        if part.holes:
            shapes.append(_mask_shape(_pixels(part.shell, component.pixels), x, y, label))
        else:
            points: list[Point] = list(map(tuple, np.add(next(rings), (x, y)).tolist()))
            shapes.append(Shape(label, points, shape_type="polygon"))
    return shapes


def _mask_shape(pixels: "NDArray[np.bool_]", x: int, y: int, label: str) -> Shape:
    import numpy as np
    from PIL import Image

    rows, columns = np.nonzero(pixels.any(axis=1))[0], np.nonzero(pixels.any(axis=0))[0]
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
    buffer = io.BytesIO()
    Image.fromarray(pixels[y0 : y1 + 1, x0 : x1 + 1].astype(np.uint8)).save(buffer, "PNG")
    corners: list[Point] = [(x + x0, y + y0), (x + x1, y + y1)]
    mask = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Shape(label, corners, shape_type="mask", mask=mask)


def _pixels(shell: "NDArray[np.int64]", pixels: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """The pixels of the part inside `shell`, of a component whose pixels are `pixels`."""
    (rle,) = fill_even_odd([[list(map(tuple, shell.tolist()))]], *pixels.shape)
    return decode(rle, *pixels.shape).astype(bool) & pixels
