"""Small labelme folders for tests, and what they must become, worked out pixel by pixel with numpy alone."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from datasets.coco import Rle
from datasets.formats.dataset_folder import load_dataset

WIDTH, HEIGHT = 60, 40


def shape(label: str, kind: str | None, points: Any, **other: Any) -> dict[str, Any]:
    """A shape as it stands in the JSON."""
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, **other}


def write_case(folder: Path, *shapes: dict[str, Any], name: str = "a", **top: Any) -> Path:
    """Write `name`.png, 60 x 40 pixels, and `name`.json with the shapes; `top` replaces top-level values."""
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / f"{name}.png"
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(image)
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": image.name,
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **top,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=2))
    return path


def inside_polygon(points: Any, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.bool_]:
    """Pixels whose centre a ray to the right leaves the polygon an odd number of times from."""
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        inside ^= crosses & (x < at)
    return inside


def inside_disk(cx: float, cy: float, radius: float) -> NDArray[np.bool_]:
    """Pixels whose centre is within `radius` of the point."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return (x - cx) ** 2 + (y - cy) ** 2 <= radius**2


def near_segment(a: Any, b: Any, distance: float) -> NDArray[np.bool_]:
    """Pixels whose centre is within `distance` of the line from a to b."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    (ax, ay), (bx, by) = a, b
    length = (bx - ax) ** 2 + (by - ay) ** 2
    share = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1) if length else 0
    return (x - ax - share * (bx - ax)) ** 2 + (y - ay - share * (by - ay)) ** 2 <= distance**2


def png_base64(pixels: Any) -> str:
    """A mask as labelme keeps it."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def instances(dataset: Path) -> dict[str, list[tuple[str, NDArray[np.bool_], Any]]]:
    """(category, pixels, annotation) of every annotation of a dataset folder, by file name."""
    found: dict[str, list[tuple[str, NDArray[np.bool_], Any]]] = {}
    for coco in load_dataset(dataset).splits.values():
        names = coco.names()
        for image in coco.images:
            mine = found.setdefault(image.file_name, [])
            for a in coco.by_image()[image.id]:
                mine.append((names[a.category_id], pixels(a.segmentation, image.height, image.width), a))
    return found


def pixels(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """What pycocotools reads from a segmentation."""
    if isinstance(segmentation, Rle):
        packed: Any = {"size": list(segmentation.size), "counts": segmentation.counts}
    else:
        packed = coco_mask.merge(coco_mask.frPyObjects([list(p) for p in segmentation], height, width))
    mask: NDArray[np.bool_] = coco_mask.decode(packed).astype(bool)
    return mask


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max(1, (a | b).sum()))
