"""COCO exports as other tools write them, drawn by tests: one image of noise per name, any JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

SQUARE = [10, 8, 30, 8, 30, 20, 10, 20]  # the ring of the box [10, 8, 20, 12], 240 pixels
BOX = [10, 8, 20, 12]
CHIP = ({"id": 1, "name": "chip", "supercategory": ""},)


def draw(path: Path, width: int = 64, height: int = 48, kind: str | None = None) -> Path:
    """An image of noise that depends on the name alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    pixels = rng.integers(0, 255, (height, width, 3), np.uint8)
    PilImage.fromarray(pixels).save(path, format=kind)
    return path


def image(number: int, name: str, width: int = 64, height: int = 48) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": width, "height": height}


def annotation(number: int, image_id: int, **changes: Any) -> dict[str, Any]:
    """The square as an annotation of category 1."""
    plain = {"id": number, "image_id": image_id, "category_id": 1, "bbox": BOX, "area": 240, "iscrowd": 0}
    return plain | {"segmentation": [SQUARE]} | changes


def coco_json(
    path: Path,
    images: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]] = CHIP,
) -> Path:
    """Write a COCO file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"images": list(images), "annotations": list(annotations), "categories": list(categories)}
    path.write_text(json.dumps(content))
    return path


def single(root: Path, **changes: Any) -> Path:
    """A COCO file with one image and one annotation; `changes` are to the annotation."""
    draw(root / "a.png")
    return coco_json(root / "c.json", [image(1, "a.png")], [annotation(1, 1, **changes)])
