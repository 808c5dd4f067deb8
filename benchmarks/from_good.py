"""`annotate propose --from-good` on an MVTec category: the defects it finds, and the good images it marks.

    python -m benchmarks.from_good data/bottle --weights resnet18.pt

Learns only from train/good. The proposed shapes are drawn from the labelme files. A defective image counts as
found if a component of its mask and a proposed shape have an IoU of at least 0.3. The data is only read.
"""

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch

from annotate import from_good
from annotate.folder_images import FolderImage
from annotate.proposals import proposal_to_shapes
from annotate.shape_groups import draw_together
from datasets.formats.layouts.registry import read_tree
from datasets.formats.layouts.tree import GOOD, TreeImage
from datasets.images.mask_file import read_mask
from datasets.images.pixels import read_rgb
from datasets.masks.edges import component_to_rle
from datasets.masks.find_components import components
from datasets.masks.rle import rle_ious
from features import regions
from system.console import print_table, progress
from system.json_file import write_json

RESULT = Path(__file__).with_name("results") / "from_good.json"
FOUND_IOU = 0.3


def main() -> None:
    """Measure, print a table and write benchmarks/results/from_good.json."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("category", type=Path)
    arguments.add_argument("--weights", type=Path, required=True)
    arguments.add_argument("--out", type=Path, default=RESULT)
    options = arguments.parse_args()
    tree = read_tree(options.category)
    good = [image.path for image in tree.images if image.split == "train"]
    start = time.perf_counter()
    finder = from_good.fit_finder(good, options.weights, progress)
    fit_seconds = time.perf_counter() - start
    tests = [image for image in tree.images if image.split == "test"]
    measured = [measure(finder, image) for image in progress(tests, "measure", len(tests))]
    result = {
        "category": tree.name,
        "good_images": len(good),
        "settings": settings(finder),
        "fit_seconds": round(fit_seconds, 1),
        "seconds_per_image": round(float(np.mean([m["seconds"] for m in measured])), 3),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "corners_median": float(np.median([n for m in measured for n in m["corners"]])),
        "types": summarise(measured),
        "images": measured,
    }
    options.out.parent.mkdir(exist_ok=True)
    write_json(options.out, result)
    rows = [(name, *values.values()) for name, values in result["types"].items()]
    print_table(str(options.out), ("type", *next(iter(result["types"].values()))), rows)
    print(f"fit {result['fit_seconds']} s, {result['seconds_per_image']} s an image, {result['threads']} threads")


def measure(finder: from_good.Finder, image: TreeImage) -> dict[str, object]:
    """Scores and IoUs of one test image; `ious` contains the best IoU of each component of the mask."""
    start = time.perf_counter()
    height, width = read_rgb(image.path).shape[:2]
    folder_image = FolderImage(image.path.parent, image.path.name, labelled=False)
    proposals = from_good.propose_regions(finder, folder_image)
    drawn, corners = [], []
    tolerance = from_good.outline_tolerance(height, width)
    for proposal in proposals:
        shapes = proposal_to_shapes(proposal, (height, width), 1, tolerance)
        corners += [len(shape.points) for shape in shapes]
        mask = draw_together(image.path, shapes, (height, width))
        drawn += [mask] if mask is not None else []
    seconds = time.perf_counter() - start
    ious = []
    for component in (c for path in image.mask_paths for c in components(read_mask(path))):
        truth = component_to_rle(component, height, width)
        ious.append(round(float(rle_ious(drawn, [truth]).max()), 3) if drawn else 0.0)
    return {
        "image": image.relative,
        "type": image.type,
        "proposals": len(proposals),
        "corners": corners,
        "score": round(max((p.prediction.score for p in proposals), default=0.0), 3),
        "ious": ious,
        "seconds": round(seconds, 3),
    }


def summarise(measured: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    """Counts per defect type, for all defective images together, and for the good images."""
    types = sorted({str(m["type"]) for m in measured} - {GOOD})
    groups = {name: [m for m in measured if m["type"] == name] for name in types}
    groups["all defects"] = [m for m in measured if m["type"] != GOOD]
    groups[GOOD] = [m for m in measured if m["type"] == GOOD]
    return {
        name: {
            "images": len(members),
            "marked": sum(m["proposals"] > 0 for m in members),
            "found": sum(max(m["ious"], default=0) >= FOUND_IOU for m in members),
            "components": sum(len(m["ious"]) for m in members),
            "components found": sum(iou >= FOUND_IOU for m in members for iou in m["ious"]),
            "proposals": sum(m["proposals"] for m in members),
        }
        for name, members in groups.items()
    }


def settings(finder: from_good.Finder) -> dict[str, object]:
    """The settings that the numbers depend on, and the thresholds from the good images."""
    return {
        "side": from_good.SIDE,
        "tolerance": from_good.TOLERANCE,
        "memory_patches": len(finder.memory.patches),
        "image_quantile": regions.IMAGE_QUANTILE,
        "pixel_quantile": regions.PIXEL_QUANTILE,
        "edge": regions.HALF,
        "limit_peak": round(finder.limits.peak, 4),
        "limit_floor": round(finder.limits.floor, 4),
        "usual": round(finder.limits.usual, 4),
    }


if __name__ == "__main__":
    main()
