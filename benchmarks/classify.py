"""Image types on an MVTec category by cross-validation: `train_cls fit --folds 5` for each setting and seed.

    python -m benchmarks.classify data/bottle --weights tf_efficientnet_lite0.safetensors

Uses only the images of the test folder, including the good ones. With the many images of train/good, `good` would
be the easiest type. The images are linked, the data is only read. Each row has the numbers of all images together,
each predicted by a fold that did not train on it.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from evaluate.image_types import IMAGE_TYPES
from evaluate.images import fewest_misses
from evaluate.metrics import read_metrics
from system.console import print_table
from system.files import link_or_copy
from system.json_file import write_json
from training.history import read_history

RESULT = Path(__file__).with_name("results") / "classify.json"
FOLDS = 5
# name -> flags; `WEIGHTS` is the file given
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "frozen tf_efficientnet_lite0": (
        "--arch", "tf_efficientnet_lite0", "--weights", "WEIGHTS", "--freeze", "--lr", "0.01",
        "--epochs", "12", "--batch", "4",
    ),
    "fine-tuned tf_efficientnet_lite0": (
        "--arch", "tf_efficientnet_lite0", "--weights", "WEIGHTS", "--epochs", "40",
    ),
}  # fmt: skip


def main() -> None:
    """Measure, print a table and write benchmarks/results/classify.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("category", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--only", choices=list(SETTINGS), help="one setting")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    chosen = [given.only] if given.only else list(SETTINGS)
    with tempfile.TemporaryDirectory() as temporary:
        dataset = test_images(given.category, Path(temporary))
        rows = [
            measure(dataset, name, SETTINGS[name], given.weights, seed)
            for name in chosen
            for seed in range(given.seeds)
        ]
    machine = {"machine": platform.machine(), "threads": torch.get_num_threads()}
    write_json(given.out, {"category": given.category.name, "folds": FOLDS, **machine, "rows": rows})
    columns = (
        "accuracy",
        "interval",
        "balanced_accuracy",
        "geometric_mean",
        "macro_f1",
        "auroc",
        "seconds_a_fold",
    )
    cells = [[f"{row['name']}, seed {row['seed']}", *(str(row[c]) for c in columns)] for row in rows]
    print_table("Image types", ("", *columns), cells)


def test_images(category: Path, folder: Path) -> Path:
    """The images of the test folder as a COCO dataset."""
    tree = folder / category.name
    for name in ("test", "ground_truth"):
        for path in sorted((category / name).rglob("*.png")):
            link = tree / name / path.relative_to(category / name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, link)  # links that lead out of a folder are refused
    mvtec2coco([tree], folder / "coco", MvtecOptions(ratios=(1.0, 0.0, 0.0)))
    return folder / "coco"


def measure(dataset: Path, name: str, flags: tuple[str, ...], weights: Path, seed: int) -> dict[str, object]:
    """One cross-validation."""
    words = [str(weights) if word == "WEIGHTS" else word for word in flags]
    runs = dataset.parent / f"runs-{name}-{seed}"
    fixed = [
        "--folds",
        str(FOLDS),
        "--seed",
        str(seed),
        "--runs",
        str(runs),
        "--precision",
        "32",
        "--device",
        "cpu",
    ]
    subprocess.run([sys.executable, "-m", "train_cls", "fit", str(dataset), *words, *fixed], check=True)
    run = runs / "cls" / dataset.name
    metrics = read_metrics(run / "metrics.json")
    types, images = metrics[IMAGE_TYPES], metrics.images
    numbers = msgspec.structs.asdict(types)
    shown = ("accuracy", "balanced_accuracy", "geometric_mean", "macro_f1", "auroc", "calibration_error")
    histories = [read_history(run / f"fold-{k}" / "history.csv") for k in range(1, FOLDS + 1)]
    return {
        "name": name,
        "seed": seed,
        "flags": " ".join(flags),
        "images": types.images,
        "right": types.right,
        **{key: round(numbers[key], 4) for key in shown},
        "interval": [round(v, 4) for v in types.intervals["accuracy"] or ()],
        "intervals": types.intervals,
        "types": {one.name: one.recall for one in types.types},
        "matrix": types.matrix,
        "missed": images.missed,
        "false_alarms": images.false_alarms,
        "missed_at_no_false_alarm_with_the_best_threshold": fewest_misses(images.curve, 0, images.defective),
        "seconds_a_fold": round(sum(row["seconds"] for rows in histories for row in rows) / FOLDS, 1),
    }


if __name__ == "__main__":
    main()
