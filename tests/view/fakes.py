"""Small dataset and run folders, made with the functions of datasets/ and measured by evaluate/."""

import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image as PillowImage

from datasets.coco import Annotation, Category, Image, Prediction
from datasets.formats.coco_file import read_predictions, write_predictions
from datasets.formats.dataset_folder import load_dataset, write_annotations
from datasets.masks.rle import decode, encode, rle_area, rle_box
from evaluate.folds import measure_folds
from evaluate.measure import measure_run
from evaluate.run_folder import RunConfig, load_run
from training.new_run import create_run, run_split

Mask = np.ndarray[Any, np.dtype[np.uint8]]
TYPES = ["broken_large", "broken_small", "contamination"]


def make_dataset(
    root: Path, images: int = 12, size: tuple[int, int] = (200, 160), seed: int = 0,
    names: list[str] | None = None, types: list[str] | None = None,
) -> Path:  # fmt: skip
    """A dataset folder: every third image good, the others with one or two round defects; half val, half test."""
    chance = random.Random(seed)
    width, height = size
    names = names or [f"test/kind_{i % 3}/{i:03d}.png" for i in range(images)]
    types = types or TYPES
    listed: dict[str, list[Image]] = {"val": [], "test": []}
    annotations: list[Annotation] = []
    for i, name in enumerate(names):
        pixels = np.full((height, width, 3), 90 + 5 * (i % 10), np.uint8)
        for _ in range(0 if i % 3 == 0 else 1 + i % 2):
            mask = disc(width, height, chance.randint(30, width - 30), chance.randint(30, height - 30), 8 + i % 12)
            pixels[mask > 0] = (220, 200, 60)
            rle = encode(mask)
            number = len(annotations) + 1
            annotations.append(
                Annotation(number, i + 1, 1 + (i // 3 + i) % len(types), rle_box(rle), rle_area(rle), rle)
            )
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(pixels).save(path)
        listed["val" if i % 4 == 3 else "test"].append(Image(i + 1, name, width, height))
    categories = [Category(k + 1, name) for k, name in enumerate(types)]
    write_annotations(root, listed, annotations, categories)
    return root


def disc(width: int, height: int, x: int, y: int, radius: int) -> Mask:
    """A mask that is 1 inside a circle."""
    rows, columns = np.mgrid[:height, :width]
    return ((columns - x) ** 2 + (rows - y) ** 2 <= radius**2).astype(np.uint8)


def make_run(
    parent: Path, dataset_root: Path, kind: str = "seg", seed: int = 1, keep: float = 0.8,
    measured: bool = True,
) -> Path:  # fmt: skip
    """A run folder whose predictions are the truth shifted, dropped, mistyped and with false ones between."""
    chance = random.Random(seed)
    dataset = load_dataset(dataset_root)
    images = {split: [image.file_name for image in coco.images] for split, coco in dataset.splits.items()}
    run = create_run(
        parent, kind, dataset.name, RunConfig(kind, str(dataset_root), {}), run_split(dataset, images)
    )
    for split, coco in dataset.splits.items():
        found: list[Prediction] = []
        truths = coco.by_image()
        for image in coco.images:
            for truth in truths[image.id]:
                if chance.random() > keep:
                    continue
                mask = decode(truth.segmentation, image.height, image.width)
                shifted = np.roll(mask, (chance.randint(-4, 4), chance.randint(-4, 4)), (0, 1))
                category = (
                    truth.category_id
                    if chance.random() < 0.85
                    else 1 + truth.category_id % len(dataset.categories)
                )
                found.append(_prediction(image, shifted, category, chance.uniform(0.3, 1), kind))
            if chance.random() < 0.35:
                mask = disc(image.width, image.height, chance.randint(20, image.width - 20),
                            chance.randint(20, image.height - 20), 7)  # fmt: skip
                found.append(_prediction(image, mask, 1, chance.uniform(0.05, 0.7), kind))
        write_predictions(run.predictions(split), found)
    if measured:
        measure_run(run, dataset)
    return run.root


def make_cross_validation(parent: Path, dataset_root: Path, kind: str = "seg") -> Path:
    """A run folder with the folds fold-1 and fold-2 over the test images, each with scores of its own size."""
    dataset = load_dataset(dataset_root)
    test = [image.file_name for image in dataset.split("test").images]
    val = [image.file_name for image in dataset.split("val").images]
    config = RunConfig(kind, str(dataset_root), {})
    pooled = create_run(parent, kind, "folds", config, run_split(dataset, {"test": test}))
    source = make_run(parent, dataset_root, kind, seed=8, measured=False)
    found = read_predictions(source / "predictions" / "test.json")
    names = {image.id: image.file_name for image in dataset.split("test").images}
    folds = []
    for k in range(2):
        mine = test[k::2]
        made = create_run(pooled.root, kind, "x", config, run_split(dataset, {"val": val, "test": mine}))
        fold = load_run(made.root.rename(pooled.root / f"fold-{k + 1}"))
        shrink = (1.0, 0.2)[k]
        for split, predictions in (
            ("val", read_predictions(source / "predictions" / "val.json")),
            ("test", [p for p in found if names[p.image_id] in mine]),
        ):
            scaled = [msgspec.structs.replace(p, score=p.score * shrink) for p in predictions]
            write_predictions(fold.predictions(split), scaled)
        measure_run(fold, dataset)
        folds.append(fold)
    (pooled.root / kind).rmdir()
    measure_folds(pooled, folds, dataset)
    return pooled.root


def _prediction(image: Image, mask: Mask, category: int, score: float, kind: str) -> Prediction:
    rle = encode(mask)
    return Prediction(image.id, category, rle_box(rle), round(score, 4), None if kind == "det" else rle)
