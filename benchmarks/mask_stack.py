"""Our parts of the mask stack beside Pillow, OpenCV and pycocotools on the same masks in one run (medians).

    python -m benchmarks.mask_stack [--bottle data/bottle]

ADR 13 states which parts stay and why. Every pair is checked to give the same result before it is timed.
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

from datasets.images.index_png import encode_index_png
from datasets.images.mask_file import read_mask
from datasets.masks.component import mask_to_component
from datasets.masks.edges import components_to_rles, rle_to_component
from datasets.masks.find_components import components
from datasets.masks.pixel_mask import PALETTE
from datasets.masks.rle import decode, encode
from system.console import print_table

Mask = NDArray[np.bool_]
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


def by_pillow(mask: Mask) -> bytes:
    """The index PNG by Pillow, with as few bits and its quickest compression."""
    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette(PALETTE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, bits=1)
    return buffer.getvalue()


def by_opencv(mask: Mask) -> list[object]:
    """Components by OpenCV, each encoded by pycocotools."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found: list[object] = []
    for i in range(1, count):
        x, y, w, h = stats[i, :4]
        full = np.zeros(mask.shape, np.uint8, order="F")
        full[y : y + h, x : x + w] = labels[y : y + h, x : x + w] == i
        found.append(encode(full))
    return found


PARTS: dict[str, tuple[Callable[[Mask], object], Callable[[Mask], object]]] = {
    "index PNG, Pillow": (lambda m: encode_index_png(m.astype(np.uint8), PALETTE), by_pillow),
    "components and run lengths, OpenCV + pycocotools": (
        lambda m: components_to_rles(components(m), *m.shape),
        by_opencv,
    ),
    "encode, then run lengths to pixels, pycocotools": (
        lambda m: rle_to_component(encode(m)).pixels,
        lambda m: mask_to_component(decode(encode(m), *m.shape).astype(bool)).pixels,
    ),
    "area and box, pycocotools": (
        lambda m: (mask_to_component(m).area, mask_to_component(m).box),
        lambda m: (r := coco_mask.encode(np.asfortranarray(m, np.uint8)), coco_mask.area(r), coco_mask.toBbox(r)),
    ),
}


def median_ms(function: Callable[[Mask], object], masks: Sequence[Mask]) -> float:
    """Median milliseconds of one call."""
    times = []
    for mask in [*masks] * REPEAT:
        start = time.perf_counter()
        function(mask)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def check_same(masks: Sequence[Mask]) -> None:
    """Stop where a part and its library disagree."""
    for mask in masks:
        own, theirs = PARTS["components and run lengths, OpenCV + pycocotools"]
        assert sorted(map(str, own(mask))) == sorted(map(str, theirs(mask)))  # type: ignore[call-overload]
        own, theirs = PARTS["index PNG, Pillow"]
        first, second = (np.asarray(Image.open(io.BytesIO(png(mask)))) for png in (own, theirs))  # type: ignore[arg-type]
        assert np.array_equal(first, second)


def main() -> None:
    """Print a table of both times and the gain for each part and each kind of mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bottle", type=Path)
    given = parser.parse_args()
    kinds = {"3 defects": drawn_masks(20, 3), "150 defects": drawn_masks(5, 150)}
    if given.bottle:
        kinds["bottle"] = [read_mask(path) for path in sorted(given.bottle.glob("ground_truth/*/*.png"))[:40]]
    rows = []
    for kind, masks in kinds.items():
        check_same(masks[:3])
        for part, (own, theirs) in PARTS.items():
            ours, library = median_ms(own, masks), median_ms(theirs, masks)
            rows.append((part, kind, f"{ours:.3f}", f"{library:.3f}", f"{library / ours:.1f}"))
    print_table("Mask stack, milliseconds", ("part, library", "masks", "own", "library", "gain"), rows)


if __name__ == "__main__":
    main()
