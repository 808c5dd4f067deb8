"""The segmenter with and without the distance from good images (`train_seg fit --good-map`), on the same folds.

    python -m benchmarks.good_map bottle-coco --weights weights/ --work runs-good-map --seeds 3 --jobs 2

The dataset folder, made by `convert mvtec2coco`, is split into five folds, as in `benchmarks.bottle`: no val, the
last epoch is used, no choice is made on the images of test. A fold of `train_anomaly` learns from the good images
in train of that fold and gives the map; then each seed trains with and without it. Every training is a process of
its own, `--jobs` of them at once. Finished ones are not repeated, so the command continues where it was stopped.
The two rows of a seed differ in nothing else.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from benchmarks.bottle import FOLDS, NEGATIVES, SEED
from benchmarks.bottle_table import SURE, Fold, row
from datasets.formats.coco_file import read_coco, read_predictions
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.resplit import Options, resplit
from evaluate.metrics import read_metrics
from evaluate.run_folder import Run
from evaluate.score_maps import SCORE_MAPS
from system.console import print_status, print_table
from system.json_file import write_json
from training.new_run import environment

RESULT = Path(__file__).with_name("results") / "good_map.json"
RESNET, LITE = "resnet18.pt", "tf_efficientnet_lite0.safetensors"
ROWS = ("without", "with")
TASK = "seg"


class Setting(msgspec.Struct, frozen=True):
    """The paths and options of all trainings; `extra` are further flags of `train_seg fit`."""

    weights: Path
    work: Path
    device: str
    extra: Sequence[str] = ()

    def fold(self, number: int) -> Path:
        """The dataset folder of a fold, from 1."""
        return self.work / "folds" / f"fold-{number}"

    def good_run(self, number: int) -> Path:
        """The run of train_anomaly of a fold."""
        return self.work / "good" / "anomaly" / f"fold-{number}"

    def run(self, name: str, seed: int, number: int) -> Path:
        """The run of train_seg of a row, a seed and a fold."""
        return self.work / f"{name}-{seed}" / TASK / f"fold-{number}"


def main() -> None:
    """Train what is missing, print a table and write benchmarks/results/good_map.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help=f"folder with {RESNET} and {LITE}")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps folds and runs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--device", default="cpu", help="of the segmenter")
    parser.add_argument("--extra", default="", help="further flags of train_seg fit, separated by spaces")
    parser.add_argument("--finished", action="store_true", help="train nothing, only collect what is finished")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    setting = Setting(given.weights, given.work.absolute(), given.device, given.extra.split())
    if not (setting.work / "folds").is_dir():
        setting.work.mkdir(parents=True, exist_ok=True)
        resplit(given.dataset, setting.work / "folds", Options(ratios=(1, 0, 0), seed=SEED, folds=FOLDS))
    numbers = range(1, FOLDS + 1)
    if not given.finished:
        with ThreadPoolExecutor(given.jobs) as pool:
            list(pool.map(lambda number: fit_good(setting, number), numbers))
            jobs = [(name, seed, k) for seed in range(given.seeds) for k in numbers for name in ROWS]
            list(pool.map(lambda job: fit_segmenter(setting, *job), jobs))
    rows = collect(setting, given.dataset, given.seeds)
    write_json(given.out, {"protocol": __doc__, "environment": environment(), "rows": rows})
    shown = ("Dice", "pixel AP", "AP", "missed", "false alarms, test/good", "false alarms, train/good")
    cells = [[f"{one['name']}, seed {one['seed']}", *(_cell(one[key]) for key in shown)] for one in rows]
    print_table("Segmenter and --good-map", ("", *shown), cells)


def fit_good(setting: Setting, number: int) -> None:
    """Learn the good images of a fold, unless that is done."""
    run = setting.good_run(number)
    if (run / "metrics.json").is_file():
        return
    weights = str(setting.weights / LITE)
    _call("train_anomaly", setting.fold(number), run, setting.work / "good", ["--encoder-weights", weights], "cpu")


def fit_segmenter(setting: Setting, name: str, seed: int, number: int) -> None:
    """Train the segmenter of a row, a seed and a fold, unless that is done."""
    run = setting.run(name, seed, number)
    if (run / "metrics.json").is_file():
        return
    words = ["--encoder-weights", str(setting.weights / RESNET), "--negatives", NEGATIVES, "--seed", str(seed)]
    words += ["--good-map", str(setting.good_run(number))] if name == "with" else []
    words += setting.extra
    _call("train_seg", setting.fold(number), run, setting.work / f"{name}-{seed}", words, setting.device)


def collect(setting: Setting, dataset: Path, seeds: int) -> list[dict[str, object]]:
    """A row for each seed with and without the map whose five folds are finished."""
    rows: list[dict[str, object]] = []
    for seed in range(seeds):
        for name in ROWS:
            runs = [Run(setting.run(name, seed, k), TASK) for k in range(1, FOLDS + 1)]
            if not all((run.root / "metrics.json").is_file() for run in runs):
                print_status(f"{name}, seed {seed}: not finished")
                continue
            folds = [
                Fold(
                    read_coco(annotation_path(setting.fold(k), "test")),
                    read_predictions(run.root / "predictions/test.json"),
                )
                for k, run in enumerate(runs, 1)
            ]
            measured = row(load_dataset(dataset), folds, TASK, SURE[TASK])
            maps = [read_metrics(run.root / "metrics.json")[SCORE_MAPS] for run in runs]
            each = [one.pixel_ap for one in maps if one.pixel_ap is not None]
            rows.append(
                {
                    "name": name,
                    "seed": seed,
                    "Dice": measured["pixels"].defect.dice,
                    "pixel AP": statistics.fmean(each),
                    "pixel AP per fold": each,
                    "F1-max per fold": [one.pixel_f1_max for one in maps],
                    "AUPRO per fold": [one.aupro_30 for one in maps],
                    **measured,
                }
            )
    return rows


def _call(module: str, dataset: Path, run: Path, runs: Path, words: Sequence[str], device: str) -> None:
    """Train in a process of its own with one thread; its output goes into a file beside the run."""
    print_status(f"{module}: {run.relative_to(run.parents[2])}")
    shutil.rmtree(run, ignore_errors=True)  # of a training that was interrupted
    fixed = ["--runs", str(runs), "--name", run.name, "--device", device]
    command = [sys.executable, "-m", module, "fit", str(dataset), *fixed, *words]
    log = runs / f"{run.name}.{module}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        threads = {"OMP_NUM_THREADS": "1"} | os.environ
        done = subprocess.run(command, stdout=stream, stderr=stream, env=threads, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed, see {log}")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return " of ".join(map(str, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    main()
