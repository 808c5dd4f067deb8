"""The area that Ultralytics draws for segments of `coco2yolo` and of other tracing methods, on the same masks.

    python -m benchmarks.yolo_segments --bottle data/bottle --bsdata data/bsdata

Each mask becomes a segment, is read as Ultralytics' loader reads it (32-bit coordinates, `resample_segments`) and
drawn by its `polygon2mask`: at the size of the image, at 640 pixels for the longer side, and there reduced by its
`mask_ratio` of 4. `area` is the drawn area divided by the true area, over all masks of a set; `iou` is the IoU
after the round trip through `yolo2coco`. Writes benchmarks/results/yolo_segments.json and prints the table.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.mvtec2coco import mvtec2coco
from convert.yolo_instances import label_instance
from convert.yolo_segments import Style, mask_rings
from datasets.coco import Rle
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.yolo_lines import Label, format_label, parse_label
from datasets.masks.pixel_rings import ring_area, trace_rings
from datasets.masks.rle import decode

RESULTS = Path(__file__).parent / "results" / "yolo_segments.json"
IMGSZ, MASK_RATIO = 640, 4  # Ultralytics' defaults
CRACK_IMAGE = (1250, 500)  # the image size of KolektorSDD
CRACKS = 40  # of each width

Mask = NDArray[np.bool_]
Ring = NDArray[np.float64]


def pixel_sides(mask: Mask) -> Ring:
    """The outline along the sides of the pixels, as in polygons of COCO files."""
    return max(trace_rings(mask, 8), key=ring_area).astype(np.float64)


def pixel_centres(mask: Mask) -> Ring:
    """`cv2.findContours`, whose points are the indices of pixels, as most scripts write it."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return max(contours, key=len).reshape(-1, 2).astype(np.float64)


def ours(mask: Mask) -> Ring:
    """The segment that `coco2yolo --segments` writes."""
    (ring,), _ = mask_rings(mask, Style(segments=True))
    return np.array(ring)


WAYS: dict[str, Callable[[Mask], Ring]] = {
    "defectline": ours,
    "pixel sides": pixel_sides,
    "cv2.findContours": pixel_centres,
}


def cracks(width: int) -> Iterator[Mask]:
    """Random walks `width` pixels wide."""
    rng = np.random.default_rng(width)
    for _ in range(CRACKS):
        steps = np.cumsum(rng.normal((6, 2), (3, 5), (40, 2)), axis=0) + rng.uniform(50, 200, 2)
        mask = np.zeros(CRACK_IMAGE, np.uint8)
        cv2.polylines(mask, [steps.astype(np.int32)], False, 1, width)
        yield mask.astype(np.bool_)


def masks_of(folder: Path) -> Iterator[Mask]:
    """The instance masks of a COCO dataset folder."""
    for coco in load_dataset(folder).splits.values():
        sizes = {image.id: (image.height, image.width) for image in coco.images}
        for annotation in coco.annotations:
            if isinstance(annotation.segmentation, Rle):
                yield decode(annotation.segmentation, *sizes[annotation.image_id]).astype(np.bool_)


def drawn_area(line: str, size: tuple[int, int], scale: float, ratio: int) -> float:
    """The area that Ultralytics draws for a label line of an image of `size`, in pixels of the image."""
    utils, ops = import_module("ultralytics.data.utils"), import_module("ultralytics.utils.ops")
    segment = np.array(line.split()[1:], np.float32).reshape(-1, 2)
    resampled = ops.resample_segments([segment], n=max(1000, len(segment) + 1))[0]
    height, width = (round(side * scale) for side in size)
    points = resampled * np.array([width, height], np.float32)
    mask = utils.polygon2mask((height, width), [points.reshape(-1)], downsample_ratio=ratio)
    return float(mask.sum()) * ratio**2 / scale**2


def measure(masks: list[Mask], trace: Callable[[Mask], Ring]) -> dict[str, float]:
    """Drawn over true area at each size, the worst at the original size, and the IoU of the round trip."""
    drawn: dict[str, list[float]] = {"native": [], "640": [], "640 / 4": []}
    shared = union = 0
    true = np.array([int(mask.sum()) for mask in masks])
    for mask in masks:
        height, width = mask.shape
        values = (trace(mask) / (width, height)).ravel().tolist()
        line = format_label(Label(0, tuple(values)))
        scale = IMGSZ / max(height, width)
        drawn["native"].append(drawn_area(line, (height, width), 1.0, 1))
        drawn["640"].append(drawn_area(line, (height, width), scale, 1))
        drawn["640 / 4"].append(drawn_area(line, (height, width), scale, MASK_RATIO))
        instance, _ = label_instance(parse_label("line", line, 1), height, width, "rle")
        back = decode(instance.segmentation, height, width).astype(bool) if instance else np.zeros_like(mask)
        shared += int((back & mask).sum())
        union += int((back | mask).sum())
    areas = {name: float(np.sum(found) / true.sum()) for name, found in drawn.items()}
    worst = float(np.max(np.abs(np.array(drawn["native"]) / true - 1)))
    return {**areas, "worst native": worst, "iou": shared / union}


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bottle", type=Path)
    parser.add_argument("--bsdata", type=Path)
    parser.add_argument("--limit", type=int, default=400, help="masks of each set at most")
    options = parser.parse_args()
    import_module("train_det.ultralytics_api")  # keeps Ultralytics out of the home folder
    sets: dict[str, list[Mask]] = {f"cracks of {width} px": list(cracks(width)) for width in (1, 2, 3, 4, 5)}
    with tempfile.TemporaryDirectory() as scratch:
        if options.bottle:
            mvtec2coco([options.bottle], Path(scratch) / "bottle")
            sets["bottle"] = list(masks_of(Path(scratch) / "bottle"))[: options.limit]
        if options.bsdata:
            beside = LabelmeOptions(images=options.bsdata / "data")
            labelme2coco(options.bsdata / "label", Path(scratch) / "bsdata", beside)
            sets["BSData"] = list(masks_of(Path(scratch) / "bsdata"))[: options.limit]
    results: dict[str, Any] = {
        name: {"masks": len(masks), **{way: measure(masks, trace) for way, trace in WAYS.items()}}
        for name, masks in sets.items()
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print("set", "way", "native", "640", "640 / 4", "worst native", "iou", sep=" | ")
    for name, by_way in results.items():
        for way in WAYS:
            figures = by_way[way]
            print(name, way, *(f"{figure:.4f}" for figure in figures.values()), sep=" | ")


if __name__ == "__main__":
    main()
