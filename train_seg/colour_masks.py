"""Masks for boxes from the colours in and around them (GrabCut).

The middle of the box is taken as the defect and what is outside as background; the colours of both decide the
rest. Pixels of the box on which other estimates disagree are uncertain. The estimates are GrabCut with and without
the middle, and the distance of the colours from those around the box.

On the 68 annotations of the bottle the mean IoU with the true masks is 0.575. It is 0.553 for the ellipse in the
box, 0.525 for GrabCut without the middle, which loses cracks of the colour of the glass; 0.489 for the box.

Rother, Kolmogorov and Blake 2004: GrabCut, https://doi.org/10.1145/1015706.1015720, as in OpenCV.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasets.masks.component import Component, mask_to_component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONTEXT = 0.5  # of the longer side of the box, on each side: what is around the defect
SIDE = 160  # pixels; larger windows are shrunk, which takes a hundredth of the time
ROUNDS = 2
GAMMA = 0.5  # as the model: dark parts get more of the range
COLOURS, SAMPLED = 8, 2000  # main colours around a box, and the pixels that they are computed from
SURE, LIKELY = 0.8, 1.2  # of the ellipse in the box: surely the defect, and perhaps


def corners_of(box: Sequence[float], height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a box in whole pixels of an image, at least one pixel."""
    x, y = max(0, int(box[0])), max(0, int(box[1]))
    return x, y, min(width, max(x + 1, round(box[0] + box[2]))), min(height, max(y + 1, round(box[1] + box[3])))


def mask_in_box(rgb: "NDArray[np.uint8]", box: Sequence[float], *, middle: bool = True) -> tuple[Component, bool]:
    """The pixels of the defect in `box` (x, y, w, h) of an H x W x 3 image, and whether they are an ellipse.

    Without `middle`, no pixel of the box is surely the defect.
    """
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    x, y, right, bottom = corners_of(box, *rgb.shape[:2])
    margin = max(4, int(CONTEXT * max(right - x, bottom - y)))
    x0, y0, x1, y1 = (
        max(0, x - margin),
        max(0, y - margin),
        min(width, right + margin),
        min(height, bottom + margin),
    )
    window = np.ascontiguousarray(rgb[y0:y1, x0:x1])
    scale = min(1.0, SIDE / max(window.shape[:2]))
    size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
    small = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
    small = np.asarray(255 * (small / 255) ** GAMMA, np.uint8)
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    left, top = int((x - x0) * scale), int((y - y0) * scale)
    w = max(1, round((right - x0) * scale) - left)
    h = max(1, round((bottom - y0) * scale) - top)
    away = _distance(h, w)
    guess = np.where(away <= LIKELY, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    sure = cv2.GC_FGD if middle else cv2.GC_PR_FGD
    labels[top : top + h, left : left + w] = np.where(away <= SURE, sure, guess)
    if (labels == cv2.GC_BGD).any() and (labels == sure).any():
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, labels, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
        found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
        large = cv2.resize(found, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) >= 0.5
        pixels = large[y - y0 : bottom - y0, x - x0 : right - x0]
        if pixels.any():
            part = mask_to_component(pixels)
            px, py, pw, ph = part.box
            return Component((px + x, py + y, pw, ph), part.pixels), False
    return Component((x, y, right - x, bottom - y), _distance(bottom - y, right - x) <= 1), True


def uncertain_in_box(rgb: "NDArray[np.uint8]", box: Sequence[float], mask: Component) -> Component:
    """The pixels in `box` of an H x W x 3 image on which the estimates of the defect, one of them `mask`, differ.

    The component is the whole box; its pixels may be none.
    """
    import numpy as np

    x, y, right, bottom = corners_of(box, *rgb.shape[:2])
    estimate = np.zeros((bottom - y, right - x), bool)
    mx, my, mw, mh = mask.box
    estimate[my - y : my - y + mh, mx - x : mx - x + mw] = mask.pixels
    other, _ = mask_in_box(rgb, box, middle=False)
    second = np.zeros_like(estimate)
    ox, oy, ow, oh = other.box
    second[oy - y : oy - y + oh, ox - x : ox - x + ow] = other.pixels
    third = _far_colours(rgb, (x, y, right, bottom))
    agreed = (estimate == second) & (estimate == third)
    return Component((x, y, right - x, bottom - y), ~agreed)


def _far_colours(rgb: "NDArray[np.uint8]", corners: tuple[int, int, int, int]) -> "NDArray[np.bool_]":
    """The pixels of a box whose colours are far from all main colours around it, separated by Otsu's threshold."""
    import cv2
    import numpy as np

    x, y, right, bottom = corners
    margin = max(4, int(CONTEXT * max(right - x, bottom - y)))
    x0, y0 = max(0, x - margin), max(0, y - margin)
    window = 255 * (rgb[y0 : bottom + margin, x0 : right + margin].astype(np.float32) / 255) ** GAMMA
    around = np.ones(window.shape[:2], bool)
    inner = slice(y - y0, bottom - y0), slice(x - x0, right - x0)
    around[inner] = False
    colours = window[around]
    if len(colours) < COLOURS:
        return np.ones((bottom - y, right - x), bool)
    colours = np.ascontiguousarray(colours[:: max(1, len(colours) // SAMPLED)])
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 1.0)
    _, _, centres = cv2.kmeans(colours, COLOURS, np.zeros(0, np.int32), stop, 1, cv2.KMEANS_PP_CENTERS)
    flat = window[inner].reshape(-1, 1, 3)
    away = np.min([np.linalg.norm(flat - centre, axis=2) for centre in centres], axis=0)
    grey = np.asarray(np.clip(away, 0, 255), np.uint8).reshape(bottom - y, right - x)
    limit, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return np.asarray(grey > limit)


def _distance(height: int, width: int) -> "NDArray[np.float64]":
    """Distance of each pixel of a box from its middle, 1 on the ellipse that touches its sides."""
    import numpy as np

    rows, columns = np.ogrid[:height, :width]
    return np.asarray(np.hypot((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1))
