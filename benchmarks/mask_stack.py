"""Our parts of the mask stack compared with Pillow, OpenCV and pycocotools on the same masks (medians of one run).

    python -m benchmarks.mask_stack [--bottle data/bottle]

ADR 13 states which parts stay and why. Both functions of a pair get the same input and must return the same
result.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from datasets.coco import Rle
from datasets.images.index_png import encode_index_png
from datasets.images.mask_file import read_mask
from datasets.masks.component import Component
from datasets.masks.edges import components_to_rles, rle_to_component
from datasets.masks.find_components import components
from datasets.masks.pixel_mask import PALETTE
from datasets.masks.rle import from_pycocotools, to_pycocotools
from system.console import print_table

Mask = NDArray[np.bool_]
Pair = tuple[Callable[[], object], Callable[[], object]]
SIZE = 900
REPEAT = 5


def drawn_masks(count: int, defects: int) -> list[Mask]:
    """`count` masks of SIZE x SIZE pixels with `defects` rectangles each."""
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(count):
        mask = np.zeros((SIZE, SIZE), np.bool_)
        for y, x, h, w in zip(
            *rng.integers(0, SIZE - 20, (2, defects)), *rng.integers(2, 20, (2, defects)), strict=True
        ):
            mask[y : y + h, x : x + w] = True
        masks.append(mask)
    return masks


def by_pillow(indices: NDArray[np.uint8]) -> bytes:
    """The index PNG by Pillow, with the same number of bits and its fastest compression."""
    image = Image.fromarray(indices)
    image.putpalette(PALETTE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, bits=1)
    return buffer.getvalue()


def crops_by_opencv(mask: Mask) -> list[Component]:
    """Components by OpenCV, each cut out of the labels by its box."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    boxes = stats[1:count, : cv2.CC_STAT_AREA].tolist()
    return [Component((x, y, w, h), labels[y : y + h, x : x + w] == i) for i, (x, y, w, h) in enumerate(boxes, 1)]


def rles_by_pycocotools(found: Sequence[Component], height: int, width: int) -> list[Rle]:
    """The run lengths of components by pycocotools, which needs whole images; the same image is reused."""
    whole = np.zeros((height, width), np.uint8, order="F")
    rles = []
    for component in found:
        x, y, w, h = component.box
        whole[y : y + h, x : x + w] = component.pixels
        rles.append(from_pycocotools(coco_mask.encode(whole)))
        whole[y : y + h, x : x + w] = 0
    return rles


def crop_by_pycocotools(rle: Rle) -> Component:
    """The pixels of run lengths: the whole image is decoded, then cut by the box that pycocotools finds."""
    packed = to_pycocotools(rle)
    x, y, w, h = (int(side) for side in coco_mask.toBbox(packed))
    return Component((x, y, w, h), coco_mask.decode(packed)[y : y + h, x : x + w].view(np.bool_))


def parts_of(mask: Mask) -> dict[str, Pair]:
    """For each part, our function and that of the library. Their input is made here and not timed."""
    height, width = mask.shape
    indices = mask.astype(np.uint8)
    crops = components(mask)
    rles = components_to_rles(crops, height, width)
    packed = [to_pycocotools(rle) for rle in rles]
    return {
        "index PNG": (lambda: encode_index_png(indices, PALETTE), lambda: by_pillow(indices)),
        "components": (lambda: components(mask), lambda: crops_by_opencv(mask)),
        "components to run lengths": (
            lambda: components_to_rles(crops, height, width),
            lambda: rles_by_pycocotools(crops, height, width),
        ),
        "run lengths to components": (
            lambda: [rle_to_component(rle) for rle in rles],
            lambda: [crop_by_pycocotools(rle) for rle in rles],
        ),
        "area and box": (
            lambda: [(component.area, component.box) for component in crops],
            lambda: [*zip(coco_mask.area(packed), coco_mask.toBbox(packed), strict=True)],
        ),
    }


LIBRARIES = {
    "index PNG": "Pillow",
    "components": "OpenCV",
    "components to run lengths": "pycocotools",
    "run lengths to components": "pycocotools",
    "area and box": "pycocotools",
}


def comparable(result: object) -> object:
    """The part of both results that must be equal: decoded pixels, sorted components, otherwise the values."""
    if isinstance(result, bytes):
        return np.asarray(Image.open(io.BytesIO(result))).tolist()
    assert isinstance(result, list)
    if result and isinstance(result[0], Component):
        return sorted((c.box, np.ascontiguousarray(c.pixels).tobytes()) for c in result)
    if result and isinstance(result[0], tuple):
        return [(int(area), [int(side) for side in box]) for area, box in result]
    return result


def measure(masks: Sequence[Mask]) -> dict[str, tuple[float, float]]:
    """Median milliseconds of processor time of each part, ours and the library's, called alternately."""
    times: dict[str, tuple[list[float], list[float]]] = {part: ([], []) for part in LIBRARIES}
    for mask in masks:
        for part, (own, library) in parts_of(mask).items():
            assert comparable(own()) == comparable(library()), part
            for _ in range(REPEAT):
                for function, collected in zip((own, library), times[part], strict=True):
                    start = time.process_time()
                    function()
                    collected.append((time.process_time() - start) * 1000)
    return {part: (statistics.median(own), statistics.median(library)) for part, (own, library) in times.items()}


def main() -> None:
    """Print a table of both times and the gain for each part and each kind of mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bottle", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)  # conversions start one process per processor
    kinds = {"3 defects": drawn_masks(20, 3), "150 defects": drawn_masks(5, 150)}
    if given.bottle:
        kinds["bottle"] = [read_mask(path) for path in sorted(given.bottle.glob("ground_truth/*/*.png"))[:40]]
    rows = []
    for kind, masks in kinds.items():
        for part, (own, library) in measure(masks).items():
            rows.append((part, kind, f"{own:.3f}", LIBRARIES[part], f"{library:.3f}", f"{library / own:.1f}"))
    print_table(
        "Mask stack, milliseconds of processor time for one mask",
        ("part", "masks", "own", "library", "", "gain"),
        rows,
    )


if __name__ == "__main__":
    main()
