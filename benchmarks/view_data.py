"""The datasets and runs of `benchmarks.view`: drawn discs, and predictions that are the truth, randomly moved."""

import random
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from datasets.coco import Annotation, Category, Image, Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset, write_annotations
from datasets.masks.rle import decode, encode, rle_area, rle_box
from evaluate.folds import measure_folds
from evaluate.measure import measure_run
from evaluate.run_folder import Run, RunConfig
from training.new_run import create_fold, create_run, run_split

SIDE = 192


def draw_dataset(root: Path, count: int) -> Path:
    """A dataset folder of `count` test images with discs of three types on noise; every third image is good."""
    noise, chance = np.random.default_rng(0), random.Random(0)
    grounds = [np.clip(120 + noise.normal(0, 9, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8) for _ in range(20)]
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images, annotations = [], []
    (root / "images").mkdir(parents=True)
    for i in range(count):
        image = Image(i + 1, f"{i:05d}.png", SIDE, SIDE)
        pixels = grounds[i % len(grounds)].copy()
        for _ in range(0 if i % 3 == 0 else 1 + i % 2):
            x, y, radius = chance.randint(30, SIDE - 30), chance.randint(30, SIDE - 30), chance.randint(6, 28)
            mask = ((columns - x) ** 2 + (rows - y) ** 2 <= radius**2).astype(np.uint8)
            pixels[mask > 0] = (220, 200, 60)
            rle = encode(mask)
            kind = 1 + len(annotations) % 3
            annotations.append(Annotation(len(annotations) + 1, image.id, kind, rle_box(rle), rle_area(rle), rle))
        PilImage.fromarray(pixels).save(root / "images" / image.file_name, compress_level=1)
        images.append(image)
    categories = [Category(k + 1, name) for k, name in enumerate(("chip", "dent", "scratch"))]
    write_annotations(root, {"test": images}, annotations, categories)
    return root


def make_run(dataset: Dataset, root: Path, each: int, folds: int = 0) -> Path:
    """A run, or a cross-validation of `folds`, with `each` test predictions per image.

    They are the truth, moved a little, and weaker ones anywhere.
    """
    chance = random.Random(1)
    coco = dataset.split("test")
    truths, kinds = coco.by_image(), [c.id for c in dataset.categories]
    spot = np.zeros((60, 60), np.uint8)
    spot[10:50, 10:50] = 1
    found = []
    for image in coco.images:
        masks = [decode(t.segmentation, image.height, image.width) for t in truths[image.id]]
        near = [(np.roll(mask, (chance.randint(-4, 4), chance.randint(-4, 4)), (0, 1)), 0.9) for mask in masks]
        while len(near) < each:
            mask = np.zeros((image.height, image.width), np.uint8)
            y, x = chance.randrange(image.height - 60), chance.randrange(image.width - 60)
            mask[y : y + 60, x : x + 60] = spot
            near.append((mask, 0.3))
        for mask, most in near:
            rle = encode(mask)
            score = round(chance.uniform(0.001, most), 5)
            found.append(Prediction(image.id, chance.choice(kinds), rle_box(rle), score, rle))
    names = [image.file_name for image in coco.images]
    config = RunConfig("seg", str(root), {}, folds=folds)
    run = create_run(root.parent / "runs", "seg", root.name, config, run_split(dataset, {"test": names}))
    if not folds:
        write_predictions(run.predictions("test"), found)
        measure_run(run, dataset)
        return run.root
    parts: list[Run] = []
    for k in range(folds):
        split = run_split(dataset, {"test": names[k::folds]})
        parts.append(create_fold(run, k + 1, RunConfig("seg", str(root), {}), split))
        ids = {image.id for image in coco.images[k::folds]}
        write_predictions(parts[-1].predictions("test"), [p for p in found if p.image_id in ids])
        measure_run(parts[-1], dataset)
    measure_folds(run, parts, dataset)
    return run.root
