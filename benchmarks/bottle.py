"""Our trainers and the stock tools on the same five folds of the MVTec bottle, measured by the same code.

    python -m benchmarks.bottle --bottle mvtec/bottle --weights FOLDER --work FOLDER [--only det,stock-det]

`--weights` contains yolo11n.pt and resnet18.pt. Every image of the category, including train/good, is tested once.
The model that tests it never saw the image, and no choice was made on it: there is no val, and the last epoch is
used. A fold trains on the defective images of the other folds and half as many good ones, the same images for
every contender. Finished steps are stored in `--work` and not repeated, so the benchmark can be interrupted. The
results are written to benchmarks/results/bottle.json.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.bottle_table import Spent, markdown, summarise
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.resplit import Options, resplit
from system.console import print_status
from system.json_file import write_json

FOLDS, SEED, NEGATIVES = 5, 0, "0.5"
WEIGHTS = {"det": "yolo11n.pt", "seg": "resnet18.pt"}
CONTENDERS = ("stock-det", "det", "stock-seg", "seg")
RESULT = Path(__file__).with_name("results") / "bottle.json"


def main() -> None:
    """Prepare the folds, train what is missing, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bottle", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    prepare(given.bottle, given.work)
    for contender in given.only.split(","):
        for fold in range(1, FOLDS + 1):
            train(contender, fold, given.work, given.weights)
    result = summarise(given.work, CONTENDERS)
    write_json(given.out, result)
    print(markdown(result["rows"]))
    print_status(f"written to {given.out}")


def prepare(bottle: Path, work: Path) -> None:
    """The dataset and its folds, once."""
    if not (work / "bottle-coco").is_dir():
        mvtec2coco([bottle], work / "bottle-coco", MvtecOptions())
    if not (work / "folds").is_dir():
        resplit(work / "bottle-coco", work / "folds", Options(ratios=(1, 0, 0), seed=SEED, folds=FOLDS))


def train(contender: str, fold: int, work: Path, weights: Path) -> None:
    """Train a contender on a fold and predict the test images of the fold, unless that is done already."""
    kind = contender.removeprefix("stock-")
    folder, data = work / contender, work / f"folds/fold-{fold}"
    spent = folder / f"fold-{fold}.spent.json"
    if spent.is_file():
        return
    print_status(f"{contender}, fold {fold}")
    folder.mkdir(exist_ok=True)
    file = weights / WEIGHTS[kind]
    if contender != kind:
        out = folder / f"fold-{fold}.json"
        used = measured(f"benchmarks.stock_{kind}", data, "--weights", file, "--out", out, "--seed", SEED)
    else:
        runs = folder / f"fold-{fold}"
        shutil.rmtree(runs, ignore_errors=True)
        flag = "--weights" if kind == "det" else "--encoder-weights"
        used = measured(
            f"train_{kind}", "fit", data, "--runs", runs, flag, file, "--device", "cpu", "--seed", SEED,
            "--negatives", NEGATIVES,
        )  # fmt: skip
        run = runs / kind / f"fold-{fold}"
        shutil.copytree(run / "predictions", runs / "plain")
        measured(f"train_{kind}", "evaluate", run, "--tta")
    spent.write_bytes(msgspec.json.encode(used))


def measured(module: str, *arguments: object, stdout: int | None = None) -> Spent:
    """Run a module of the project in a separate process: wall and processor seconds, peak memory in MB.

    `stdout` is where its standard output goes, such as subprocess.DEVNULL.
    """
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], stdout=stdout)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{module} {' '.join(map(str, arguments))} failed")
    return Spent(time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
