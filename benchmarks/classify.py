"""Image types on an MVTec category by cross-validation: `train_cls fit --folds 5` for each setting and seed.

    python -m benchmarks.classify data/bottle --weights weights/ --work runs-classify --seeds 3

Uses only the images of the test folder, including the good ones; `--all` uses all. With the many images of
train/good, `good` would be the easiest type. The images are linked, the data is only read. Each row has the
numbers of all images together, each predicted by a fold that did not train on it. Trainings are kept in
`--work`: finished ones are not repeated, interrupted ones are continued, and the result is written after each
row.
"""

import argparse
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch

from benchmarks.classify_tests import image_outcomes, paired_tests
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from evaluate.history_file import read_history
from evaluate.image_types import IMAGE_TYPES
from evaluate.images import fewest_misses
from evaluate.metrics import read_metrics
from system.console import print_status, print_table
from system.json_file import write_json

RESULT = Path(__file__).with_name("results") / "classify.json"
FOLDS = 5
RESNET, LITE = "resnet18.pt", "tf_efficientnet_lite0.safetensors"
# name -> flags; a file name means a file in the folder of weights. ResNet-34's weights are not available.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "few": ("--recipe", "recipes/few.yaml", "--weights", LITE),
    "seed-1": ("--recipe", "recipes/seed-1.yaml", "--weights", "none"),
    "seed-2": ("--recipe", "recipes/seed-2.yaml", "--weights", "none"),
    "seed-3": ("--recipe", "recipes/seed-3.yaml", "--weights", RESNET),
    "seed-4": ("--recipe", "recipes/seed-4.yaml", "--weights", RESNET),
    "frozen": (
        "--arch", "tf_efficientnet_lite0", "--weights", LITE, "--freeze", "--lr", "0.01", "--epochs", "12",
        "--batch", "4",
    ),
}  # fmt: skip
COLUMNS = (
    "accuracy", "interval", "balanced_accuracy", "geometric_mean", "macro_f1", "auroc", "missed", "false_alarms",
    "seconds_a_fold",
)  # fmt: skip


def main() -> None:
    """Measure, print a table and write benchmarks/results/classify.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("category", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder of weights")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps the trainings")
    parser.add_argument("--only", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="all images, those of train/good too")
    parser.add_argument("--finished", action="store_true", help="train nothing, only collect what is finished")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    dataset = images_of(given.category, given.work, every=given.all)
    rows: list[dict[str, object]] = []
    outcomes: dict[str, list[dict[str, bool]]] = {}
    for seed in range(given.seeds):
        for name in given.only:
            run = trained(dataset, name, seed, given.weights, finished=given.finished)
            if run is None:
                print_status(f"{name}, seed {seed}: not finished")
                continue
            rows.append(row_of(run, name, seed))
            outcomes.setdefault(name, []).append(image_outcomes(run, dataset))
            tests = [msgspec.structs.asdict(test) for test in paired_tests(outcomes)]
            machine = {"machine": platform.machine(), "threads": torch.get_num_threads()}
            content = {
                "category": given.category.name,
                "folds": FOLDS,
                **machine,
                "rows": rows,
                "differences": tests,
            }
            write_json(given.out, content)
    cells = [[f"{row['name']}, seed {row['seed']}", *(str(row[c]) for c in COLUMNS)] for row in rows]
    print_table("Image types", ("", *COLUMNS), cells)
    for test in paired_tests(outcomes):
        print_status(f"{test.first} - {test.second}: {test.difference:+.3f}, p {test.p:.4f}, real: {test.real}")


def images_of(category: Path, work: Path, *, every: bool) -> Path:
    """The images of the test folder, or all of them, as a COCO dataset in `work`."""
    folder = work / ("all" if every else "test")
    tree, dataset = folder / category.name, folder / "coco" / category.name
    if dataset.is_dir():
        return dataset
    for name in ("train", "test", "ground_truth") if every else ("test", "ground_truth"):
        for path in sorted((category / name).rglob("*.png")):
            link = tree / name / path.relative_to(category / name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            shutil.copyfile(path, link)
    mvtec2coco([tree], dataset, MvtecOptions(ratios=(1.0, 0.0, 0.0)))
    return dataset


def trained(dataset: Path, name: str, seed: int, weights: Path, *, finished: bool) -> Path | None:
    """The run folder of a cross-validation, trained or continued where needed; None where it is not finished."""
    runs = dataset.parent.parent / f"{name}-{seed}"
    run = runs / "cls" / dataset.name
    if (run / "metrics.json").is_file():
        return run
    if finished:
        return None
    flags = [str(weights / word) if word in {RESNET, LITE} else word for word in SETTINGS[name]]
    fixed = ["--folds", str(FOLDS), "--seed", str(seed), "--runs", str(runs), "--device", "cpu"]
    words = ["--resume", str(run)] if run.is_dir() else [str(dataset), *flags, *fixed]
    command = [sys.executable, "-m", "train_cls", "fit", *words]
    subprocess.run([*command[:4], str(dataset), *words] if run.is_dir() else command, check=True)
    return run


def row_of(run: Path, name: str, seed: int) -> dict[str, object]:
    """The numbers of a cross-validation."""
    metrics = read_metrics(run / "metrics.json")
    types, images = metrics[IMAGE_TYPES], metrics.images
    numbers = msgspec.structs.asdict(types)
    shown = ("accuracy", "balanced_accuracy", "geometric_mean", "macro_f1", "auroc", "calibration_error")
    histories = [read_history(run / f"fold-{k}" / "history.csv") for k in range(1, FOLDS + 1)]
    seconds = [sum(row["seconds"] for row in rows) for rows in histories]
    return {
        "name": name,
        "seed": seed,
        "flags": " ".join(SETTINGS[name]),
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
        "seconds_a_fold": round(float(np.mean(seconds)), 1),
    }


if __name__ == "__main__":
    main()
