"""Apply the rotation attribute of CVAT, which writes rotated boxes unrotated.

Source: CVAT's COCO export keeps `attributes.rotation`, in degrees clockwise about the centre of the box
(https://github.com/cvat-ai/cvat/issues/4745).
"""

import math
from typing import Any, TypeGuard

from datasets.coco import MAX_COORDINATE

CORNER_TOLERANCE = 1.0  # pixels
ANGLE_TOLERANCE = 1e-3  # degrees
DECIMALS = 3  # of a pixel


def apply_rotations(annotations: list[object]) -> dict[int, str]:
    """Replace rotated boxes among decoded JSON `annotations` in place; returns index -> angle text.

    A box rotated by a multiple of 90 degrees stays a box; any other becomes the polygon of its four corners, with
    the extents of the polygon as its box. An annotation with its own mask stays unchanged, because the mask was
    drawn rotated.
    """
    turned = {}
    for i, annotation in enumerate(annotations):
        if not isinstance(annotation, dict) or not isinstance(attributes := annotation.get("attributes"), dict):
            continue
        angle, box = attributes.get("rotation"), annotation.get("bbox")
        if not _is_number(angle) or not math.isfinite(angle) or not _is_box(box):
            continue
        if abs((angle + 180) % 360 - 180) < ANGLE_TOLERANCE or not _is_unrotated(
            annotation.get("segmentation"), box
        ):
            continue
        annotations[i] = annotation | _rotated(box, float(angle))
        turned[i] = f"{angle:g} degrees"
    return turned


def _rotated(box: list[float], angle: float) -> dict[str, Any]:
    x, y, w, h = box
    cx, cy, turn = x + w / 2, y + h / 2, math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    offsets = [(-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)]
    corners = [(cx + dx * cos - dy * sin, cy + dx * sin + dy * cos) for dx, dy in offsets]
    ring = [_short(value) for corner in corners for value in corner]
    x0, y0, x1, y1 = min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2])
    is_box = abs((angle + 45) % 90 - 45) < ANGLE_TOLERANCE
    return {
        "bbox": [x0, y0, _short(x1 - x0), _short(y1 - y0)],
        "area": _short(w * h),
        "segmentation": [] if is_box else [ring],
    }


def _is_unrotated(segmentation: Any, box: list[float]) -> bool:
    """Whether the annotation has no mask, or only the corners of its box as mask."""
    if not segmentation:
        return True
    if not isinstance(segmentation, list) or len(segmentation) != 1 or not isinstance(segmentation[0], list):
        return not any(segmentation) if isinstance(segmentation, list) else False
    ring = segmentation[0]
    if len(ring) not in (8, 10) or not all(map(_is_number, ring)):
        return not ring
    x, y, w, h = box
    corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    points = list(zip(ring[::2], ring[1::2], strict=True))
    return all(any(math.dist(corner, point) <= CORNER_TOLERANCE for point in points) for corner in corners)


def _is_box(box: Any) -> TypeGuard[list[float]]:
    return isinstance(box, list) and len(box) == 4 and all(_is_number(v) and abs(v) <= MAX_COORDINATE for v in box)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: float) -> float:
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded
