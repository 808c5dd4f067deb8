"""`make demo`: from masks to a detector, a segmenter and a page, offline, with the commands that a user types."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from evaluate.average_precision import BOXES
from evaluate.images import IMAGES
from evaluate.metrics import Metrics, read_metrics
from evaluate.pixels import PIXELS

FOLDER = Path("demo")
DATASET = FOLDER / "bottle-coco"
DETECTOR = ("yolo11n.pt", "--weights")
ENCODER = ("resnet18.pt", "--encoder-weights")
MIN_AP50, MIN_DICE = 0.5, 0.7


def main() -> int:
    """Run the pipeline; 0 if both models reached their targets."""
    start = time.monotonic()
    tree = FOLDER / "bottle"
    call("datasets", "synth", tree, "--count", 150, "--size", 256, "--seed", 0, "--overwrite")
    call("convert", "mvtec2coco", tree, DATASET, "--overwrite")
    detector = fit("train_det", "det", *pretrained(*DETECTOR), "--epochs", 60, "--imgsz", 160)
    segmenter = fit("train_seg", "seg", *pretrained(*ENCODER), "--epochs", 20, "--imgsz", 128)
    page = FOLDER / "view.html"
    call("view", detector, segmenter, "--out", page)
    return show(detector, segmenter, page, time.monotonic() - start)


def pretrained(name: str, option: str) -> tuple[str, str]:
    """The option for pretrained weights if they exist, else the option for random weights."""
    path = Path(os.environ.get("DEFECTLINE_WEIGHTS", ".")) / name
    if path.is_file():
        return option, str(path)
    reason = f"no {name} here (DEFECTLINE_WEIGHTS names the folder) and the demo downloads nothing"
    print(f"\n{reason}: training starts from random weights", flush=True)
    return option, "none"


def fit(room: str, kind: str, *options: object) -> Path:
    """Train and return the new run folder."""
    runs = FOLDER / "runs"
    before = set((runs / kind).glob("*"))
    call(room, "fit", DATASET, "--runs", runs, *options)
    (made,) = set((runs / kind).glob("*")) - before
    return made


def call(room: str, *arguments: object) -> None:
    """Print and run one command of the project; end the demo if it fails."""
    words = [room, *(str(a) for a in arguments)]
    print(f"\n$ {shlex.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", *words], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def show(detector: Path, segmenter: Path, page: Path, seconds: float) -> int:
    """Print the numbers and the address of the page."""
    boxes, masks = read_metrics(detector / "metrics.json"), read_metrics(segmenter / "metrics.json")
    ap50 = boxes[BOXES].AP50 or 0.0
    dice = masks[PIXELS].defect.dice or 0.0
    print(f"\nThe demo took {seconds / 60:.1f} minutes. On the test split of the synthetic bottles:")
    print(f"  detector   AP50 {ap50:.2f} (to reach {MIN_AP50}), {misses(boxes)}")
    print(f"  segmenter  Dice {dice:.2f} (to reach {MIN_DICE}), {misses(masks)}")
    print(f"Look at them: {page.resolve().as_uri()}")
    return int(ap50 < MIN_AP50 or dice < MIN_DICE)


def misses(metrics: Metrics) -> str:
    """Misses and false alarms as text."""
    images = metrics[IMAGES]
    return (
        f"misses {images.missed} of {images.defective} defective images, "
        f"{images.false_alarms} false alarms on {images.good} good ones"
    )


if __name__ == "__main__":
    sys.exit(main())
