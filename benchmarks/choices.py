"""Compare numbers of negatives, and pasting: short cross-validations that differ in nothing else.

    python -m benchmarks.choices DATASET --weights FOLDER --work FOLDER [--only det,seg]

The images are smaller and the epochs fewer than by default, so all trainings take about an hour on two cores. They
show which choice is better, not how good it becomes. Runs are stored in `--work` and resumed; the results are
written to benchmarks/results/choices.json.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from evaluate.average_precision import BOXES
from evaluate.images import IMAGES, fewest_misses
from evaluate.metrics import Metrics, read_metrics
from evaluate.pixels import PIXELS
from system.console import print_table
from system.json_file import write_json

RESULT = Path(__file__).with_name("results") / "choices.json"
COMMON = {
    "det": ("--weights", "yolo11n.pt", "--imgsz", "192", "--epochs", "25"),
    "seg": ("--encoder-weights", "resnet18.pt", "--imgsz", "128", "--epochs", "15"),
}
VARIANTS = {
    "no negatives": ("--negatives", "0"),
    "negatives 0.5": ("--negatives", "0.5"),
    "negatives 2.0": ("--negatives", "2.0"),
    "negatives 0.5, 50 pasted": ("--negatives", "0.5", "--paste", "50"),
}


def main() -> None:
    """Run the missing variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default="det,seg")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    for kind in given.only.split(","):
        for name, options in VARIANTS.items():
            cross_validate(given, kind, name, options)
    rows = [row for kind in COMMON for name in VARIANTS if (row := read_row(given.work, kind, name))]
    write_json(given.out, {"protocol": __doc__, "rows": rows})
    print_table("Choices", list(rows[0]), [list(row.values()) for row in rows])


def cross_validate(given: argparse.Namespace, kind: str, name: str, options: tuple[str, ...]) -> None:
    """Train one variant, or resume it."""
    root = run_folder(given.work, kind, name)
    if (root / "metrics.json").is_file():
        return
    command = [sys.executable, "-m", f"train_{kind}", "fit", str(given.dataset)]
    if (root / "config.yaml").is_file():
        command += ["--resume", str(root)]
    else:
        flag, file, *rest = COMMON[kind]
        command += [flag, str(given.weights / file), *rest, *options, "--folds", "5", "--device", "cpu",
                    "--runs", str(given.work), "--name", root.name]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def run_folder(work: Path, kind: str, name: str) -> Path:
    """The run folder of a variant."""
    return work / kind / name.replace(" ", "-").replace(",", "").replace(".", "_")


def read_row(work: Path, kind: str, name: str) -> dict[str, Any] | None:
    """The numbers of a variant, None if it was not trained."""
    path = run_folder(work, kind, name) / "metrics.json"
    if not path.is_file():
        return None
    metrics: Metrics = read_metrics(path)
    images, pixels = metrics[IMAGES], metrics.get(PIXELS)
    return {
        "model": kind,
        "variant": name,
        "AP": round(metrics[BOXES].AP or 0, 3),
        "AP50": round(metrics[BOXES].AP50 or 0, 3),
        "Dice": round(pixels.defect.dice or 0, 3) if pixels else "-",
        "IoU of types": round(pixels.mean_iou_of_types or 0, 3) if pixels else "-",
        "missed": f"{images.missed} of {images.defective}",
        "false alarms": f"{images.false_alarms} of {images.good}",
        "fewest missed at 0 / 2 false alarms": " / ".join(
            str(fewest_misses(images.curve, allowed, images.defective)) for allowed in (0, 2)
        ),
    }


if __name__ == "__main__":
    main()
