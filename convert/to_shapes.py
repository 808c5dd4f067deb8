"""Instance masks to shapes that a person can edit in labelme: polygons, and mask shapes where there are holes."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from convert.simple_rings import simplify_rings
from datasets.formats.labelme import Point, Shape
from datasets.masks.component import Component
from datasets.masks.part_rings import part_finder, trace_parts
from datasets.masks.pixel_runs import PixelRuns, runs_of_components

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datasets.masks.ring_table import RingTable

DEFAULT_TOLERANCE = 1.0  # pixels
MIN_IOU = 0.99


def component_to_shapes(
    component: Component,
    label: str,
    group_id: int,
    tolerance: float = DEFAULT_TOLERANCE,
    min_iou: float = MIN_IOU,
) -> list[Shape]:
    """Shapes that together cover the pixels of `component`; several of them carry `group_id`, one alone none.

    See `runs_to_shapes`.
    """
    return join_group(runs_to_shapes(runs_of_components([component]), [label], tolerance, min_iou)[0], group_id)


def runs_to_shapes(
    runs: PixelRuns, labels: Sequence[str], tolerance: float = DEFAULT_TOLERANCE, min_iou: float = MIN_IOU
) -> list[list[Shape]]:
    """For each of N masks with its label the shapes that together cover its pixels, without `group_id`.

    A part without holes becomes a polygon that deviates from the outline by at most `tolerance` pixels and covers
    the same pixels at an IoU of `min_iou` or more, with `tolerance` 0 exactly the same. A part with holes
    becomes a `mask` shape. Parts are 4-connected.
    """
    import numpy as np

    shells, holes = trace_parts(runs)
    has_holes = np.zeros(len(shells.lengths), np.bool_)
    has_holes[holes.owner] = True
    simple = simplify_rings(shells.select(~has_holes), tolerance, min_iou)
    placed = simple.points + runs.boxes[simple.owner_of_point(), :2]
    points: list[Point] = list(zip(*placed.T.tolist(), strict=True))
    bounds = iter(zip(simple.starts.tolist(), simple.stops.tolist(), strict=True))
    masks = _mask_shapes(runs, shells, has_holes, labels)
    shapes: list[list[Shape]] = [[] for _ in labels]
    for part, mask in enumerate(shells.owner.tolist()):
        if part in masks:
            shapes[mask].append(masks[part])
        else:
            begin, end = next(bounds)
            shapes[mask].append(Shape(labels[mask], points[begin:end], shape_type="polygon"))
    return shapes


def join_group(shapes: Sequence[Shape], group_id: int) -> list[Shape]:
    """The shapes of one instance: with `group_id` where there are several."""
    if len(shapes) < 2:
        return list(shapes)
    return [msgspec.structs.replace(shape, group_id=group_id) for shape in shapes]


def _mask_shapes(
    runs: PixelRuns, shells: "RingTable", has_holes: "NDArray[np.bool_]", labels: Sequence[str]
) -> dict[int, Shape]:
    """The mask shape of each part with holes."""
    import numpy as np

    starts, shapes = shells.starts, {}
    for mask in np.unique(shells.owner[has_holes]).tolist():
        begin, end = np.searchsorted(shells.owner, (mask, mask + 1)).tolist()
        x, y, _, _ = runs.boxes[mask].tolist()
        pixels_of = part_finder(runs, mask)
        for part in (np.flatnonzero(has_holes[begin:end]) + begin).tolist():
            shapes[part] = _mask_shape(pixels_of(shells.points[starts[part]]), x, y, labels[mask])
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
