"""Instance masks to shapes that a person can edit in labelme: polygons, and mask shapes where there are holes."""

import base64
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from datasets.coco import Rle
from datasets.formats.labelme import Point, Shape
from datasets.masks.component import Component
from datasets.masks.pixel_outline import pixel_outline
from datasets.masks.polygon_fill import fill_even_odd
from datasets.masks.rle import decode, rle_ious

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import LinearRing, Polygon

DEFAULT_TOLERANCE = 1.0  # pixels
LEAST_IOU = 0.99


def component_to_shapes(
    component: Component,
    label: str,
    group_id: int,
    tolerance: float = DEFAULT_TOLERANCE,
    least_iou: float = LEAST_IOU,
) -> list[Shape]:
    """Shapes that together cover the pixels of `component`; several of them carry `group_id`, one alone none.

    A part without holes becomes a polygon that leaves the outline by at most `tolerance` pixels and covers the
    same pixels at an IoU of `least_iou` or more, with `tolerance` 0 exactly the same. A part with holes becomes a
    `mask` shape. Parts are 4-connected.
    """
    outline = pixel_outline(component.pixels)
    x, y, _, _ = component.box
    parts: list[Polygon] = list(getattr(outline, "geoms", [outline]))
    shapes = []
    for part in parts:
        if part.interiors:
            shapes.append(_mask_shape(_pixels(part, component.pixels), x, y, label))
        else:
            ring = _traced(part, component.pixels.shape, tolerance, least_iou)
            shapes.append(Shape(label, [(px + x, py + y) for px, py in ring], shape_type="polygon"))
    return join_group(shapes, group_id)


def join_group(shapes: Sequence[Shape], group_id: int) -> list[Shape]:
    """The shapes of one instance: with `group_id` where there are several."""
    if len(shapes) < 2:
        return list(shapes)
    return [msgspec.structs.replace(shape, group_id=group_id) for shape in shapes]


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


def _pixels(part: "Polygon", pixels: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """The pixels of one part of a component, whose own are `pixels`."""
    (rle,) = fill_even_odd([[[(px, py) for px, py in part.exterior.coords[:-1]]]], *pixels.shape)
    return decode(rle, *pixels.shape).astype(bool) & pixels


def _traced(part: "Polygon", size: tuple[int, ...], tolerance: float, least_iou: float) -> list[Point]:
    """A ring around the pixels of a part without holes, with as few corners as the tolerance allows."""
    import shapely

    height, width = size
    corners = [(float(x), float(y)) for x, y in part.exterior.coords[:-1]]
    wanted = _fill(corners, height, width)
    middle = shapely.Polygon(_midpoints(part.exterior))
    for share in (1.0, 0.5, 0.25):
        ring = _simplified(middle, tolerance * share) if tolerance else []
        if len(ring) > 2 and rle_ious([_fill(ring, height, width)], [wanted])[0, 0] >= least_iou:
            return ring
    ring = [(x, y) for x, y in middle.exterior.coords[:-1]]
    return ring if _fill(ring, height, width) == wanted else corners


def _simplified(polygon: "Polygon", tolerance: float) -> list[Point]:
    simple: Any = polygon.simplify(tolerance)
    return [(x, y) for x, y in simple.exterior.coords[:-1]]


def _midpoints(ring: "LinearRing") -> list[Point]:
    """The ring through the middles of the outermost pixel sides, which holds the same pixel centres as `ring`."""
    middles: list[Point] = []
    for (x0, y0), (x1, y1) in pairwise(ring.coords):
        length = abs(x1 - x0) + abs(y1 - y0)
        dx, dy = (x1 - x0) / length / 2, (y1 - y0) / length / 2
        middles += [(x0 + dx, y0 + dy), (x1 - dx, y1 - dy)] if length > 1 else [(x0 + dx, y0 + dy)]
    return middles


def _fill(ring: Sequence[Point], height: int, width: int) -> Rle:
    return fill_even_odd([[ring]], height, width)[0]
