"""Instance masks to shapes that a person can edit in labelme: polygons, and mask shapes where there are holes."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from datasets.formats.labelme import Point, Shape
from datasets.masks.component import Component
from datasets.masks.edges import cancel_pairs
from datasets.masks.pixel_outline import pixel_outline
from datasets.masks.polygon_fill import even_odd_edges, fill_even_odd
from datasets.masks.rle import decode

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
    whole = [part for part in parts if not part.interiors]
    rings = iter(_trace(whole, component.pixels.shape, tolerance, least_iou))
    shapes = []
    for part in parts:
        if part.interiors:
            shapes.append(_mask_shape(_pixels(part, component.pixels), x, y, label))
        else:
            shapes.append(Shape(label, [(px + x, py + y) for px, py in next(rings)], shape_type="polygon"))
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


def _trace(
    parts: "Sequence[Polygon]", size: tuple[int, ...], tolerance: float, least_iou: float
) -> list[list[Point]]:
    """A ring around the pixels of each part without holes, with as few corners as the tolerance allows."""
    import numpy as np
    import shapely

    if not parts:
        return []
    height, width = size
    corners = [_ring(part) for part in parts]
    middles = [shapely.Polygon(_midpoints(part.exterior)) for part in parts]
    wanted: list[NDArray[np.int64]] = []
    found: dict[int, list[Point]] = {}
    for share in (1.0, 0.5, 0.25) if tolerance else ():
        left = [i for i in range(len(parts)) if i not in found]
        simple = np.atleast_1d(shapely.simplify([middles[i] for i in left], tolerance * share))
        rings = [_ring(polygon) for polygon in simple]
        # together, for filling several rings takes little longer than filling one
        filled = even_odd_edges([[ring] for ring in ([*rings, *corners] if not wanted else rings)], height, width)
        wanted = wanted or filled[len(rings) :]
        tried = zip(left, rings, filled, strict=False)
        found |= {i: ring for i, ring, edges in tried if _is_alike(ring, edges, wanted[i], least_iou)}
        if len(found) == len(parts):
            break
    for i in (i for i in range(len(parts)) if i not in found):
        ring = _ring(middles[i])
        edges, exact = even_odd_edges([[ring], [corners[i]]], height, width)
        found[i] = ring if np.array_equal(edges, exact) else corners[i]
    return [found[i] for i in range(len(parts))]


def _is_alike(
    ring: Sequence[Point], edges: "NDArray[np.int64]", wanted: "NDArray[np.int64]", least_iou: float
) -> bool:
    return len(ring) > 2 and _edges_iou(edges, wanted) >= least_iou


def _edges_iou(first: "NDArray[np.int64]", second: "NDArray[np.int64]") -> float:
    """Intersection over union of two masks, at least one of them not empty."""
    import numpy as np

    areas = _area(first) + _area(second)
    different = _area(cancel_pairs(np.sort(np.concatenate((first, second)))))
    return (areas - different) / (areas + different)


def _area(edges: "NDArray[np.int64]") -> int:
    return int((edges[1::2] - edges[0::2]).sum())


def _ring(polygon: "Polygon") -> list[Point]:
    return [(x, y) for x, y in polygon.exterior.coords[:-1]]


def _midpoints(ring: "LinearRing") -> "NDArray[np.float64]":
    """The ring through the middles of the outermost pixel sides, which holds the same pixel centres as `ring`."""
    import numpy as np

    points = np.asarray(ring.coords, np.float64)
    start, end = points[:-1], points[1:]
    step = end - start
    length = np.abs(step).sum(axis=1)
    half = step / length[:, None] / 2
    both = np.stack((start + half, end - half), axis=1).reshape(-1, 2)
    kept = np.ones(len(both), np.bool_)
    kept[1::2] = length > 1
    middles: NDArray[np.float64] = both[kept]
    return middles
