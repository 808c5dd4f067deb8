"""Blend defects into another image: their masks, the seam around them, and the colours matched across it.

A pixel belongs to the new mask if at least half of it comes from inside the mask of the instance in the source.
There, the pixels of the defect are shown, changed only by a smooth colour shift. Around the mask is the seam, a
few pixels wide, in which the good surroundings in the source fade into the canvas. All other pixels are exactly
those of the canvas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.paste.place import Matrix

SEAM = 0.008  # of the shorter side of the canvas
MAX_COLOUR_SHIFT = 10  # grey levels: as much as the light changes from image to image
SIMILAR_LEVELS = 2 * MAX_COLOUR_SHIFT  # grey levels: a larger difference is not caused by the light
SHRINK = 4  # factor by which images are shrunk to compare places and match colours

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Patch:
    """Defects in place: h x w bool masks in a `window` of the canvas, h x w alpha, h x w x 3 pixels below it."""

    window: Window
    masks: list[NDArray[np.bool_]]
    alpha: NDArray[np.float32]
    pixels: NDArray[np.uint8]


def seam_width(height: int, width: int) -> int:
    """Width in pixels of the seam around a mask, in which source and canvas are mixed."""
    return max(3, round(SEAM * min(height, width)))


def shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image or mask (H x W, or H x W x 3), SHRINK times smaller."""
    height, width = (max(1, round(side / SHRINK)) for side in pixels.shape[:2])
    small: NDArray[np.uint8] = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return small


def shrunk_map(matrix: Matrix) -> Matrix:
    """The same map between shrunk images, whose pixel 0 has its centre at SHRINK / 2 - 0.5 of the full image."""
    centre = SHRINK / 2 - 0.5
    middle = (matrix[:, :2] @ [centre, centre] + matrix[:, 2] - centre) / SHRINK
    return np.column_stack([matrix[:, :2], middle])


def misfit(source: NDArray[np.uint8], mask: NDArray[np.uint8], canvas: NDArray[np.uint8], matrix: Matrix) -> float:
    """Mean difference in grey levels of source and canvas just around a mask (0 or 255), all three shrunk.

    The part of the mask beyond the border counts as a difference of 255 levels. Otherwise masks that mostly leave
    the canvas would fit best.
    """
    window = reach_of(mask, matrix, 2, canvas.shape[:2])
    if window is None:
        return float("inf")
    inside = warp(mask, matrix, window, cv2.INTER_LINEAR) >= 128
    ring = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~inside
    if not ring.any():
        return float("inf")
    moved = warp(source, matrix, window, cv2.INTER_LINEAR)
    whole = abs(np.linalg.det(matrix[:, :2])) * np.count_nonzero(mask >= 128)
    lost = max(0.0, 1 - np.count_nonzero(inside) / max(whole, 1))
    return float(np.abs(moved[ring].astype(np.int16) - canvas[window][ring]).mean() + 255 * lost)


def make_patch(
    source: NDArray[np.uint8], masks: Sequence[NDArray[np.uint8]], canvas: NDArray[np.uint8], matrix: Matrix
) -> Patch | None:
    """Move `masks` (H x W, 0 or 255) and their pixels onto `canvas`; None if no pixel reaches it."""
    seam = seam_width(*canvas.shape[:2])
    union = masks[0] if len(masks) == 1 else np.maximum.reduce(masks)
    window = reach_of(union, matrix, seam + 1, canvas.shape[:2])
    if window is None:
        return None
    moved = [warp(mask, matrix, window, cv2.INTER_LINEAR) >= 128 for mask in masks]
    inside = np.logical_or.reduce(moved)
    if not inside.any():
        return None
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    alpha = np.clip(1 - distance / (seam + 1), 0, 1)
    alpha = alpha * alpha * (3 - 2 * alpha)
    # Cubic, because a model could recognise pasted defects by the blur of linear interpolation.
    pixels = warp(source, matrix, window, cv2.INTER_CUBIC)
    # The inner half of the seam contains some colour of the defect and overshoots of the cubic interpolation.
    ring = (alpha > 0) & (distance > max(2, seam / 2))
    return Patch(window, moved, alpha, match_colours(pixels, canvas[window], ring))


def blend(canvas: NDArray[np.uint8], patch: Patch) -> None:
    """Draw `patch` into `canvas`."""
    under, alpha = canvas[patch.window], patch.alpha
    under[alpha == 1] = patch.pixels[alpha == 1]
    seam = (alpha > 0) & (alpha < 1)
    share = alpha[seam][:, None]
    under[seam] = np.rint(patch.pixels[seam] * share + under[seam] * (1 - share))


def match_colours(
    pixels: NDArray[np.uint8], canvas: NDArray[np.uint8], ring: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Shift `pixels` smoothly so that on the `ring` around a mask they have the colours of `canvas`.

    The shift spreads from the ring over the mask, like the membrane of Poisson blending (Perez et al. 2003). Ring
    pixels that differ by more than MAX_COLOUR_SHIFT can explain are ignored, so a dark defect next to a bright
    edge is not brightened. The smaller the remaining part of the ring, the smaller the shift.
    """
    apart = cv2.absdiff(canvas, pixels)
    similar = (
        ring
        & (apart[..., 0] <= SIMILAR_LEVELS)
        & (apart[..., 1] <= SIMILAR_LEVELS)
        & (apart[..., 2] <= SIMILAR_LEVELS)
    )
    if not similar.any():
        return pixels
    difference = cv2.subtract(canvas, pixels, dtype=cv2.CV_32F)
    difference[~similar] = 0
    height, width = ring.shape
    small = (max(1, width // SHRINK), max(1, height // SHRINK))
    shift = _spread(cv2.resize(difference, small, interpolation=cv2.INTER_AREA))
    share = _spread(cv2.resize(similar.astype(np.float32), small, interpolation=cv2.INTER_AREA))
    agreed = similar.sum() / ring.sum()
    shift = np.clip(shift / share[..., None], -MAX_COLOUR_SHIFT, MAX_COLOUR_SHIFT) * np.float32(agreed)
    matched: NDArray[np.uint8] = cv2.add(pixels, cv2.resize(shift, (width, height)), dtype=cv2.CV_8U)
    return matched


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values with a wide blur; close to their mean where the blur does not reach."""
    reach = max(values.shape[:2]) / 4 + 1
    blurred: NDArray[np.float32] = cv2.GaussianBlur(values, (0, 0), reach)
    return np.asarray(blurred + np.float32(1e-4) * values.mean(axis=(0, 1)))


def reach_of(mask: NDArray[np.uint8], matrix: Matrix, margin: int, size: tuple[int, ...]) -> Window | None:
    """Rows and columns of a canvas of `size` (height, width) that a moved mask and a margin around it can cover.

    A mask that touches the border of its image is extended beyond it, up to the border of the canvas.
    """
    x, y, w, h = cv2.boundingRect(mask)
    height, width = mask.shape
    beyond = float(height + width)
    x0, x1 = x - beyond * (x == 0), x + w - 1 + beyond * (x + w == width)
    y0, y1 = y - beyond * (y == 0), y + h - 1 + beyond * (y + h == height)
    corners = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]) @ matrix[:, :2].T + matrix[:, 2]
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - margin, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + margin + 1, (size[1], size[0]))
    if (low >= high).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def warp(pixels: NDArray[np.uint8], matrix: Matrix, window: Window, interpolation: int) -> NDArray[np.uint8]:
    """`pixels` moved by `matrix`, cut to `window` of the canvas; border pixels are repeated outwards."""
    rows, columns = window
    shifted = matrix - np.array([[0, 0, columns.start], [0, 0, rows.start]])
    size = (columns.stop - columns.start, rows.stop - rows.start)
    moved: NDArray[np.uint8] = cv2.warpAffine(
        pixels, shifted, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE
    )
    return moved
