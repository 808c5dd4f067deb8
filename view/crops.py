"""The image data of the page as WebP: a preview of each image, and crops at native size around the defects."""

import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from view.scene import SceneImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREVIEW_SIDE = 512  # longer side in pixels
MARGIN = 24  # pixels around a box
PREVIEW_QUALITY = 80
CROP_QUALITY = 90
MIN_CROPPED_SCORE = 0.25

CropRegion = tuple[int, int, int, int]


class Crop(msgspec.Struct, frozen=True):
    """WebP data of the region (x, y, w, h), in pixels of the image."""

    region: CropRegion
    webp: bytes


def render_all(images: Sequence[SceneImage], thresholds: Sequence[float | None]) -> Iterator[list[Crop]]:
    """The crops of each image, in order, computed in parallel. See `render`, also for the errors."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        step = 8 * workers  # limits the memory of thousands of images
        for start in range(0, len(images), step):
            yield from pool.map(lambda shown: render(shown, thresholds), images[start : start + step])


def render(shown: SceneImage, thresholds: Sequence[float | None]) -> list[Crop]:
    """The whole image, reduced to at most 512 pixels, then crops at native size around its contents.

    A smaller image is rendered at native size and needs no crops. `thresholds` are the operating points of the
    models: a prediction below both its threshold and 0.25 gets no crop. Raises InputError if the image cannot
    be read.
    """
    pixels = shown.read()
    height, width = pixels.shape[:2]
    if max(width, height) <= PREVIEW_SIDE:
        return [Crop((0, 0, width, height), _webp(pixels, CROP_QUALITY))]
    regions = crop_regions(_boxes(shown, thresholds), width, height)
    return [
        Crop((0, 0, width, height), _webp(_preview(pixels), PREVIEW_QUALITY)),
        *(Crop((x, y, w, h), _webp(pixels[y : y + h, x : x + w], CROP_QUALITY)) for x, y, w, h in regions),
    ]


def crop_regions(boxes: Sequence[Sequence[float]], width: int, height: int) -> list[CropRegion]:
    """Regions in whole pixels around `boxes` (x, y, w, h) with a margin, inside the image and without overlap."""
    regions: list[CropRegion] = []
    for x, y, w, h in boxes:
        x0, y0 = max(0, int(x) - MARGIN), max(0, int(y) - MARGIN)
        x1, y1 = min(width, int(x + w + 1) + MARGIN), min(height, int(y + h + 1) + MARGIN)
        if x1 > x0 and y1 > y0:
            regions = _joined(regions, (x0, y0, x1 - x0, y1 - y0))
    return sorted(regions)


def _joined(regions: list[CropRegion], new: CropRegion) -> list[CropRegion]:
    apart = []
    for old in regions:
        if _overlap(old, new):
            x0, y0 = min(old[0], new[0]), min(old[1], new[1])
            x1, y1 = max(old[0] + old[2], new[0] + new[2]), max(old[1] + old[3], new[1] + new[3])
            new = (x0, y0, x1 - x0, y1 - y0)
        else:
            apart.append(old)
    return [*apart, new] if len(apart) == len(regions) else _joined(apart, new)


def _overlap(a: CropRegion, b: CropRegion) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _boxes(shown: SceneImage, thresholds: Sequence[float | None]) -> list[Sequence[float]]:
    boxes: list[Sequence[float]] = [t.bbox for t in shown.truths]
    for predictions, threshold in zip(shown.predictions, thresholds, strict=True):
        minimum = MIN_CROPPED_SCORE if threshold is None else min(threshold, MIN_CROPPED_SCORE)
        boxes += [p.bbox for p in predictions if p.score >= minimum]
    return boxes


def _preview(pixels: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    import cv2

    height, width = pixels.shape[:2]
    scale = PREVIEW_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _webp(pixels: "NDArray[np.uint8]", quality: int) -> bytes:
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()
