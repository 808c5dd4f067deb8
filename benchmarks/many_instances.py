"""Processor time of `coco2yolo --segments` and `coco2labelme` with many instances, as in NEU-Seg.

    python -m benchmarks.many_instances [--images 4000] [--before REVISION] [--runs 3]

Draws a COCO dataset of 200 x 200 images in a temporary folder and converts it with one process. Each image has
about 3.3 instances, half of them thin scratches and half ragged blobs. `--before` also converts it with the code
of an earlier revision, in the same run; the median of several `--runs` counts. Modules are compiled beforehand, as
in an installed package. Writes benchmarks/results/many_instances.json.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from datasets.coco import Annotation, Category, Image
from datasets.formats.dataset_folder import write_annotations
from datasets.masks.component import mask_to_component
from datasets.masks.rle import encode

RESULTS = Path(__file__).parent / "results" / "many_instances.json"
SIDE = 200  # pixels, as in NEU-Seg
INSTANCES = 13_339 / 4_000  # of an image
WARM_UP = 30  # images
COMMANDS = {"coco2yolo": ["--segments"], "coco2labelme": []}


def draw_instance(rng: np.random.Generator) -> NDArray[np.bool_]:
    """A thin scratch or a ragged blob."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    start = rng.uniform(30, SIDE - 30, 2)
    if rng.random() < 0.5:
        steps = np.cumsum(rng.normal((4, 0), 4, (12, 2)), axis=0) + start
        cv2.polylines(mask, [steps.astype(np.int32)], False, 1, int(rng.integers(1, 5)))
    else:
        noise = cv2.GaussianBlur(rng.random((SIDE, SIDE)).astype(np.float32), (0, 0), 2)
        y, x = np.mgrid[:SIDE, :SIDE]
        distance = np.hypot(x - start[0], y - start[1])
        inside = (distance + 60 * (noise - noise.mean()) < rng.uniform(8, 28)).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(inside)
        mask[labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())] = 1
    if not mask.any():
        mask[100, 100] = 1
    return mask.astype(np.bool_)


def make_dataset(root: Path, images: int) -> int:
    """Write a COCO dataset folder with the given number of images; returns the number of annotations."""
    rng = np.random.default_rng(0)
    listed, annotations = [], []
    (root / "images").mkdir(parents=True)
    blank = np.full((SIDE, SIDE), 128, np.uint8)
    for number in range(1, images + 1):
        image = Image(number, f"{number:05}.png", SIDE, SIDE)
        PillowImage.fromarray(blank + np.uint8(number % 100)).save(root / "images" / image.file_name)
        listed.append(image)
        for _ in range(int(number * INSTANCES) - int((number - 1) * INSTANCES)):
            mask = draw_instance(rng)
            box, area = mask_to_component(mask).box, int(mask.sum())
            annotations.append(Annotation(len(annotations) + 1, number, 1, box, area, encode(mask)))
    write_annotations(root, {"train": listed, "val": [], "test": []}, annotations, [Category(1, "scratch")])
    return len(annotations)


def processor_seconds(code: Path, cache: Path, arguments: list[str]) -> float:
    """Processor time of a `convert` command with the code in a folder, and compiled modules in `cache`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(code), "PYTHONPYCACHEPREFIX": str(cache), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "convert", *arguments]
    subprocess.run(command, cwd=code, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def unpack_revision(revision: str, root: Path) -> Path:
    """The code of a revision, in a new folder."""
    root.mkdir()
    archive = subprocess.run(["git", "archive", revision], check=True, capture_output=True).stdout
    subprocess.run(["tar", "x", "-C", str(root)], check=True, input=archive)
    return root


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--before", help="a git revision")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    results: dict[str, float | int] = {"images": options.images, "runs": options.runs}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        results["instances"] = make_dataset(work / "coco", options.images)
        make_dataset(work / "warm", WARM_UP)
        codes = {"now": Path(__file__).parent.parent}
        if options.before:
            codes["before"] = unpack_revision(options.before, work / "before")
        measured: dict[str, list[float]] = {}
        for number, dataset in enumerate(["warm", *["coco"] * options.runs]):
            for (command, flags), (name, code) in product(COMMANDS.items(), codes.items()):
                dest = (
                    work / f"{command}-{name}-{number}"
                )  # new: ext4 searches longer where files were just deleted
                arguments = [command, str(work / dataset), str(dest), "--jobs", "1", *flags]
                seconds = processor_seconds(code, work / f"cache-{name}", arguments)
                print(f"{dataset} {command} {name}: {seconds:.1f} s", flush=True)
                if dataset == "coco":
                    measured.setdefault(f"{command} {name}", []).append(seconds)
        results |= {name: round(median(seconds), 2) for name, seconds in measured.items()}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
