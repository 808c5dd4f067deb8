"""Small defects in large images: the detector with `--tile`, and on whole images shrunk into the same square.

    python -m benchmarks.tiles --work FOLDER [--weights yolo11n.pt] [--device cuda] [--epochs 40]
    python -m benchmarks.tiles --work FOLDER --quick       # whether it runs: images of 256 px, one epoch

Draws images of 4,000 px with a texture of fine lines, two thirds of them with one or two defects of 20 px of two
types, and trains two detectors on them that differ in `--tile` only. Prints AP50, misses and the time, and
writes them to benchmarks/results/tiles.json. What is finished in `--work` is not repeated.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.bottle import measured
from datasets.coco import Annotation, Category, Image
from datasets.formats.dataset_folder import write_annotations
from datasets.masks.rle import encode, rle_area, rle_box
from evaluate.average_precision import BOXES
from evaluate.images import IMAGES
from evaluate.metrics import read_metrics
from system.console import print_status, print_table
from system.files import new_folder
from system.json_file import write_json

RESULT = Path(__file__).with_name("results") / "tiles.json"
TYPES = (Category(1, "pit"), Category(2, "scratch"))
SPLITS = {"train": 24, "val": 8, "test": 16}
DEFECT = 20  # pixels
Pixels = NDArray[np.uint8]


def main() -> None:
    """Draw the images, train both detectors and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", default="yolo11n.pt")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=4000, help="Side of an image in pixels.")
    parser.add_argument("--tile", type=int, default=512, help="Side of the crops, and of the network's square.")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if given.quick:
        given.weights, given.size, given.tile, given.epochs = "none", 256, 96, 1
        given.out = given.work / "tiles.json"
    data = given.work / f"images-{given.size}"
    if not data.is_dir():
        given.work.mkdir(parents=True, exist_ok=True)
        draw(data, given.size)
    rows = []
    for name, tile in (("tiles", given.tile), ("whole", 0)):
        root = given.work / "runs" / "det" / name
        seconds = given.work / f"{name}.seconds"
        if not (root / "metrics.json").is_file():
            print_status(name)
            spent = measured(
                "train_det", "fit", data, "--runs", given.work / "runs", "--name", name, "--tile", tile,
                "--imgsz", given.tile, "--epochs", given.epochs, "--weights", given.weights,
                "--device", given.device, "--negatives", "all",
            )  # fmt: skip
            seconds.write_text(f"{spent.wall_s:.1f}")
        metrics = read_metrics(root / "metrics.json")
        boxes, images = metrics[BOXES], metrics[IMAGES]
        rows.append([name, boxes.AP50, boxes.AP, images.missed, images.defective, images.false_alarms, images.good,
                     float(seconds.read_text())])  # fmt: skip
    columns = ("training", "AP50", "AP", "missed", "defective", "false alarms", "good", "seconds")
    settings = {"size": given.size, "tile": given.tile, "epochs": given.epochs}
    listed = [dict(zip(columns, row, strict=True)) for row in rows]
    write_json(given.out, {"settings": {**settings, "weights": Path(given.weights).name}, "rows": listed})
    print_table(str(given.out), columns, rows)


def draw(folder: Path, size: int) -> None:
    """A COCO dataset folder of images of `size` pixels: the splits have SPLITS images, a third of them good."""
    members: dict[str, list[Image]] = {split: [] for split in SPLITS}
    annotations: list[Annotation] = []
    with new_folder(folder) as root:
        (root / "images").mkdir()
        for split, count in SPLITS.items():
            for k in range(count):
                number = 1 + sum(map(len, members.values()))
                name = f"{split}-{k:02d}.png"
                pixels, masks = draw_image(size, number, 0 if k % 3 == 2 else 1 + k % 3)
                cv2.imwrite(str(root / "images" / name), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
                members[split].append(Image(number, name, size, size))
                for category, mask in masks:
                    rle = encode(mask)
                    annotations.append(
                        Annotation(len(annotations) + 1, number, category, rle_box(rle), rle_area(rle), rle)
                    )
        write_annotations(root, members, annotations, list(TYPES))


def draw_image(size: int, seed: int, defects: int) -> tuple[Pixels, list[tuple[int, Pixels]]]:
    """A grey image of fine lines, size x size x 3, and the category and mask (size x size) of each defect."""
    random = np.random.default_rng([seed, 16])
    lines = 150 + 12 * np.sin(np.arange(size) / random.uniform(2, 4))
    grain = random.normal(0, 5, (size, size)).astype(np.float32)
    grey = np.clip(lines[None, :] + grain, 0, 255).astype(np.uint8)
    masks = []
    for _ in range(defects):
        category = int(random.integers(1, 3))
        x, y = (int(v) for v in random.integers(DEFECT, size - 2 * DEFECT, 2))
        mask = np.zeros((size, size), np.uint8)
        if category == 1:
            cv2.circle(mask, (x + DEFECT // 2, y + DEFECT // 2), DEFECT // 2, 1, -1)
        else:
            cv2.line(mask, (x, y), (x + DEFECT, y + DEFECT), 1, 3)
        grey[mask > 0] = np.clip(grey[mask > 0].astype(int) - 45, 0, 255)
        masks.append((category, mask))
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8), masks


if __name__ == "__main__":
    main()
