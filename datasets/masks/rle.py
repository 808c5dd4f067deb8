"""The pixels of a compressed COCO mask inside its box, without unpacking the whole picture."""

from typing import TYPE_CHECKING, Any

from datasets.coco import Box, Rle, Segmentation
from datasets.masks.component import Component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rle_to_component(rle: Any) -> Component:
    """The component that a compressed pycocotools mask (a dict) says, which must have a pixel."""
    import numpy as np
    from pycocotools import mask as coco_mask

    x, y, w, h = (int(v) for v in coco_mask.toBbox(rle))
    height = rle["size"][0]
    edges = np.clip(np.cumsum(run_lengths(rle["counts"])) - x * height, 0, w * height)
    runs = np.diff(edges, prepend=0, append=w * height)
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return Component((x, y, w, h), np.ascontiguousarray(pixels.reshape(w, height)[:, y : y + h].T))


def fills(rle: Rle, height: int, width: int) -> bool:
    """Whether run lengths fill a picture of height x width pixels, which pycocotools takes for granted."""
    if rle.size != (height, width):
        return False
    if not isinstance(rle.counts, str):
        return sum(rle.counts) == height * width and min(rle.counts) >= 0
    # each character holds 48 plus six bits, and the sixth of them says whether another follows
    if not rle.counts or not all("0" <= c <= "o" for c in rle.counts) or (ord(rle.counts[-1]) - 48) & 0x20:
        return False
    runs = run_lengths(rle.counts.encode("ascii"))
    return bool(runs.sum() == height * width and runs.min() >= 0)


def run_lengths(counts: bytes) -> "NDArray[np.int64]":
    """The run lengths that COCO packs as differences in little-endian groups of five bits with an offset of 48.

    Source: `rleFrString` of pycocotools' maskApi.c.
    """
    import numpy as np

    groups = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((groups & 0x20) == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    length = last - first + 1
    place = np.arange(len(groups)) - np.repeat(first, length)
    values = np.add.reduceat((groups & 0x1F) << (5 * place), first)
    values -= np.where(groups[last] & 0x10, 1 << (5 * length), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def component_to_rle(component: Component, height: int, width: int) -> Rle:
    """COCO run-length form of a component within a picture of height x width pixels."""
    import numpy as np

    x, y, w, h = component.box
    full = np.zeros((height, width), np.uint8, order="F")
    full[y : y + h, x : x + w] = component.pixels
    return encode(full)


def encode(mask: "NDArray[np.uint8] | NDArray[np.bool_]") -> Rle:
    """COCO run-length form of an H x W mask, non-zero is inside."""
    import numpy as np
    from pycocotools import mask as coco_mask

    rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return Rle((int(rle["size"][0]), int(rle["size"][1])), rle["counts"].decode("ascii"))


def decode(segmentation: Segmentation, height: int, width: int) -> "NDArray[np.uint8]":
    """H x W uint8 mask of 0 and 1 of an annotation's segmentation, as pycocotools draws it."""
    import numpy as np
    from pycocotools import mask as coco_mask

    rle = to_rle(segmentation, height, width)
    if rle is None:
        return np.zeros((height, width), np.uint8)
    mask: NDArray[np.uint8] = coco_mask.decode({"size": list(rle.size), "counts": rle.counts})
    return mask


def to_rle(segmentation: Segmentation, height: int, width: int) -> Rle | None:
    """Compressed run-length form of any segmentation, None where it is empty."""
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, Rle):
        if isinstance(segmentation.counts, str):
            return segmentation
        packed = coco_mask.frPyObjects(
            {"size": list(segmentation.size), "counts": segmentation.counts}, height, width
        )
    elif segmentation:
        packed = coco_mask.merge(coco_mask.frPyObjects([list(p) for p in segmentation], height, width))
    else:
        return None
    return Rle((height, width), packed["counts"].decode("ascii"))


def rle_area(rle: Rle) -> int:
    """Number of pixels inside."""
    from pycocotools import mask as coco_mask

    return int(coco_mask.area({"size": list(rle.size), "counts": rle.counts}))


def rle_box(rle: Rle) -> Box:
    """Pixel extents (x, y, w, h) of a compressed run-length mask."""
    from pycocotools import mask as coco_mask

    x, y, w, h = (int(v) for v in coco_mask.toBbox({"size": list(rle.size), "counts": rle.counts}))
    return (x, y, w, h)
