"""Labelme files and masks for the benchmark of conversions, the same on every machine."""

import json
import math
import random
from pathlib import Path

import cv2
import numpy as np

SIZE = 900


def make_labelme(folder: Path, count: int, quality: int, *, texture: bool) -> None:
    """`count` 900 x 900 JPEGs, each with 3 polygons of 40 points; plain grey ones or with a texture."""
    folder.mkdir(parents=True)
    pixels, chance = np.random.default_rng(0), random.Random(0)
    encoded = []
    for i in range(8):
        noise = cv2.GaussianBlur(pixels.integers(0, 256, (SIZE, SIZE, 3), np.uint8), (0, 0), 3)
        image = noise if texture else np.full((SIZE, SIZE, 3), 100 + i, np.uint8)
        encoded.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
    for i in range(count):
        shapes = []
        for _ in range(3):
            cx, cy, radius = chance.uniform(150, 750), chance.uniform(150, 750), chance.uniform(30, 120)
            reach = [radius * chance.uniform(0.8, 1.2) for _ in range(40)]
            angles = [2 * math.pi * k / 40 for k in range(40)]
            points = [[cx + r * math.cos(a), cy + r * math.sin(a)] for r, a in zip(reach, angles, strict=True)]
            label = chance.choice(["crack", "dent", "scratch"])
            shapes.append(
                {"label": label, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}}
            )
        name = f"{i:05}"
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.jpg"}
        content |= {"imageData": None, "imageHeight": SIZE, "imageWidth": SIZE}
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2))
        (folder / f"{name}.jpg").write_bytes(encoded[i % 8])


def make_masks(root: Path, count: int) -> None:
    """An MVTec tree of `count` defect images of 900 x 900 pixels with a mask each."""
    rng = np.random.default_rng(0)
    images, masks = root / "test" / "dent", root / "ground_truth" / "dent"
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    image = cv2.imencode(".png", np.full((SIZE, SIZE), 99, np.uint8))[1].tobytes()
    for i in range(count):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for _ in range(3):
            centre, axes = rng.integers(100, 800, 2).tolist(), rng.integers(5, 90, 2).tolist()
            cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
        (images / f"{i:05}.png").write_bytes(image)
        cv2.imwrite(str(masks / f"{i:05}_mask.png"), mask)
