"""Compressed masks (`Rle`): the one module that exchanges them with pycocotools.

Every operation takes and returns `datasets.coco.Rle`; only `to_pycocotools` and `from_pycocotools` know the
dictionary that pycocotools works with.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from datasets.coco import Box, Rle, Segmentation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PycocotoolsRle(TypedDict):
    """A mask as pycocotools takes and returns it: `size` is [height, width], `counts` the compressed text."""

    size: list[int]
    counts: bytes


def to_pycocotools(rle: Rle) -> PycocotoolsRle:
    """The dictionary of a compressed mask. Its counts must be text; see `to_rle`."""
    return {"size": list(rle.size), "counts": str(rle.counts).encode("ascii")}


def from_pycocotools(rle: PycocotoolsRle) -> Rle:
    """The compressed mask of a dictionary that pycocotools returned."""
    height, width = rle["size"]
    return Rle((int(height), int(width)), rle["counts"].decode("ascii"))


def encode(mask: "NDArray[np.uint8] | NDArray[np.bool_]") -> Rle:
    """The compressed form of an H x W mask; non-zero pixels are inside."""
    import numpy as np
    from pycocotools import mask as coco_mask

    return from_pycocotools(coco_mask.encode(np.asfortranarray(mask, np.uint8)))


def decode(segmentation: Segmentation, height: int, width: int) -> "NDArray[np.uint8]":
    """H x W uint8 mask of 0 and 1 of an annotation's segmentation, as pycocotools draws it."""
    import numpy as np
    from pycocotools import mask as coco_mask

    rle = to_rle(segmentation, height, width)
    if rle is None:
        return np.zeros((height, width), np.uint8)
    mask: NDArray[np.uint8] = coco_mask.decode(to_pycocotools(rle))
    return mask


def to_rle(segmentation: Segmentation, height: int, width: int) -> Rle | None:
    """The compressed form of any segmentation, None if it is empty. Polygons are filled by `fill_polygons`."""
    from pycocotools import mask as coco_mask

    if not isinstance(segmentation, Rle):
        return fill_polygons(segmentation, height, width) if segmentation else None
    if isinstance(segmentation.counts, str):
        return segmentation
    plain = {"size": list(segmentation.size), "counts": segmentation.counts}
    return from_pycocotools(coco_mask.frPyObjects(plain, height, width))


def fill_polygons(polygons: Sequence[Sequence[float]], height: int, width: int) -> Rle:
    """The union of polygons [x1, y1, x2, y2, ...] in pixels, filled by pycocotools."""
    from pycocotools import mask as coco_mask

    filled: list[PycocotoolsRle] = coco_mask.frPyObjects([list(polygon) for polygon in polygons], height, width)
    return from_pycocotools(filled[0] if len(filled) == 1 else coco_mask.merge(filled))


def merge_rles(rles: Sequence[Rle]) -> Rle:
    """The union of one or more masks of one size."""
    from pycocotools import mask as coco_mask

    return rles[0] if len(rles) == 1 else from_pycocotools(coco_mask.merge([to_pycocotools(rle) for rle in rles]))


def shared_area(first: Rle, second: Rle) -> int:
    """Number of pixels that are in both masks."""
    from pycocotools import mask as coco_mask

    return int(coco_mask.area(coco_mask.merge([to_pycocotools(first), to_pycocotools(second)], intersect=True)))


def rle_ious(first: Sequence[Rle], second: Sequence[Rle], *, ignore: bool = False) -> "NDArray[np.float64]":
    """N x M intersection over union of N masks with M masks; neither list may be empty.

    With `ignore`, the M masks are ignore regions, and the value is the fraction of each of the N masks inside
    them.
    """
    from pycocotools import mask as coco_mask

    rows, columns = ([to_pycocotools(rle) for rle in side] for side in (first, second))
    ious: NDArray[np.float64] = coco_mask.iou(rows, columns, [int(ignore)] * len(columns))
    return ious


def rle_area(rle: Rle) -> int:
    """Number of pixels inside the mask."""
    from pycocotools import mask as coco_mask

    return int(coco_mask.area(to_pycocotools(rle)))


def rle_box(rle: Rle) -> Box:
    """Pixel extents (x, y, w, h) of a compressed mask."""
    from pycocotools import mask as coco_mask

    x, y, w, h = (int(v) for v in coco_mask.toBbox(to_pycocotools(rle)))
    return (x, y, w, h)
