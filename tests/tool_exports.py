"""Small exports of labelling tools for tests, written by hand, and the annotations that come out of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from datasets.coco import Annotation
from datasets.formats.dataset_folder import load_dataset

WIDTH, HEIGHT = 64, 48
Written = dict[str, list[tuple[str, Annotation]]]


def draw_image(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), shade: int = 90) -> Path:
    """Write a plain image of `size` (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PilImage.new("RGB", size, (shade, shade, shade)).save(path)
    return path


def voc_object(label: str, corners: Sequence[float | str], extra: str = "") -> str:
    """One <object> with a box."""
    names = ("xmin", "ymin", "xmax", "ymax")
    box = "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, corners, strict=True))
    return f"<object><name>{label}</name>{extra}<bndbox>{box}</bndbox></object>"


def write_voc(
    path: Path, *objects: str, filename: str = "", size: tuple[int, int] | None = (WIDTH, HEIGHT)
) -> Path:
    """Write one Pascal VOC file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    path.write_text(f"<annotation><filename>{filename}</filename>{stated}{''.join(objects)}</annotation>")
    return path


def write_cvat(path: Path, images: Mapping[str, str], meta: str = "") -> Path:
    """Write CVAT's XML with the elements of each image by name; a name may have attributes after a blank."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = []
    for i, (named, inside) in enumerate(images.items()):
        name, _, extra = named.partition(" ")
        size = f'width="{WIDTH}" height="{HEIGHT}"'
        listed.append(f'<image id="{i}" name="{name}" {size} {extra}>{inside}</image>')
    head = '<?xml version="1.0" encoding="utf-8"?>'
    path.write_text(f"{head}<annotations><version>1.1</version>{meta}{''.join(listed)}</annotations>")
    return path


def result(
    kind: str, value: Mapping[str, object], label: str | None = "chip", **extra: object
) -> dict[str, object]:
    """One region of Label Studio; `kind` is like rectanglelabels."""
    labels = {} if label is None else {kind: [label]}
    sizes = {"original_width": WIDTH, "original_height": HEIGHT}
    return {"type": kind, "value": {**value, **labels}, **sizes, **extra}


def task(image: str, *results: object, **extra: object) -> dict[str, object]:
    """A task with one annotation of these regions."""
    return {"id": 1, "data": {"image": image}, "annotations": [{"id": 1, "result": list(results)}], **extra}


def write_json(path: Path, value: object) -> Path:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def written(dataset: Path) -> Written:
    """(category, annotation) of each image of a dataset folder, by file name."""
    found: Written = {}
    for coco in load_dataset(dataset).splits.values():
        names, by_image = coco.names(), coco.by_image()
        for image in coco.images:
            found[image.file_name] = [(names[a.category_id], a) for a in by_image[image.id]]
    return found


def boxes(dataset: Path) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    """(category, box) of each image of a dataset folder, by file name."""
    return {name: [(label, tuple(a.bbox)) for label, a in items] for name, items in written(dataset).items()}


def splits(dataset: Path) -> dict[str, list[str]]:
    """File names of each split."""
    return {s: [image.file_name for image in coco.images] for s, coco in load_dataset(dataset).splits.items()}


def centres(height: int = HEIGHT, width: int = WIDTH) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of every pixel centre, H x W."""
    y, x = np.mgrid[:height, :width] + 0.5
    return x, y
