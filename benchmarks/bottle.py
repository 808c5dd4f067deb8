"""Our trainers and the stock tools on the same five folds of the MVTec bottle, measured by the same code.

    python -m benchmarks.bottle --bottle mvtec/bottle --weights FOLDER --work FOLDER [--only det] [--seeds 0,1,2]
    python -m benchmarks.bottle --dataset COCO --weights FOLDER --work FOLDER [--only det,stock-det] --out FILE

`--weights` contains the files that benchmarks/bottle_contenders.py names. Every image of the category, including
train/good, is tested once for each seed, which draws the folds and begins the training. The model that tests an
image never saw it, and no choice was made on it: there is no val, and the last epoch is used. A fold trains on the
defective images of the other folds and half as many good ones. With several seeds their runs are also fused.
Finished trainings are stored in `--work` and not repeated, interrupted ones are continued. The results are written
to benchmarks/results/bottle.json. With `--dataset` all images are tested, not those of test/ alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bottle_contenders import CONTENDERS, FOLDS, FUSED, GOOD_MAP, TYPES, Spent, Step, with_weights
from benchmarks.bottle_table import markdown, summarise
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.dataset_folder import load_dataset
from datasets.resplit import Options, resplit
from system.console import print_status
from system.json_file import write_json

NEGATIVES = "0.5"
RESULT = Path(__file__).with_name("results") / "bottle.json"


def main() -> None:
    """Prepare the folds, train what is missing, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--bottle", type=Path, help="The category folder of MVTec.")
    source.add_argument("--dataset", type=Path, help="Another dataset, a folder made by convert.")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="Folds at the same time.")
    parser.add_argument("--finished", action="store_true", help="Train nothing, only measure what is finished.")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    names, seeds = given.only.split(","), [int(seed) for seed in given.seeds.split(",")]
    if unknown := sorted(set(names) - set(CONTENDERS)):
        sys.exit(f"--only {', '.join(unknown)}: unknown, known are {', '.join(CONTENDERS)}")
    if given.dataset is None:
        given.dataset = given.work / "bottle-coco"
        if not given.dataset.is_dir():
            mvtec2coco([given.bottle], given.dataset, MvtecOptions())
    if not given.finished:
        for name in names:
            for seed in seeds:
                train(Step(given.work, name, seed), given)
        fuse(given, names, seeds)
    tested = ("test/", "train/") if given.bottle else ("", None)
    result = summarise(load_dataset(given.dataset), given.work, names, seeds, tested) | {"device": given.device}
    write_json(given.out, result)
    print(markdown(result["rows"]))
    print_status(f"written to {given.out}")


def train(step: Step, given: argparse.Namespace) -> None:
    """Train all folds of a contender and predict their test images, unless that is done already."""
    contender = CONTENDERS[step.contender]
    if step.spent.is_file():
        return
    print_status(f"{step.contender}, seed {step.seed}")
    if contender.stock:
        used = train_stock(step, given)
    else:
        flags = with_weights(contender.flags, given.weights)
        if contender.good_map:
            flags += ["--good-map", str(good_map(step, given))]
        used = [cross_validate(f"train_{contender.task}", step.run, step.seed, given, *flags)]
        shutil.copytree(step.run, step.plain, ignore=shutil.ignore_patterns("weights"), dirs_exist_ok=True)
        measured(f"train_{contender.task}", "evaluate", step.run, "--tta", "--device", given.device)
    step.spent.parent.mkdir(exist_ok=True)
    write_json(step.spent, [Spent(s.wall_s / FOLDS, s.cpu_s / FOLDS, s.peak_mb) for s in used])


def cross_validate(
    module: str, run: Path, seed: int, given: argparse.Namespace, *flags: str, negatives: bool = True
) -> Spent:
    """Train the folds of a run, or continue it."""
    own = [
        given.dataset, "--runs", run.parent.parent, "--name", run.name, "--device", given.device,
        "--seed", seed, "--folds", FOLDS, "--jobs", given.jobs, *(["--negatives", NEGATIVES] if negatives else []),
    ]  # fmt: skip
    return measured(module, "fit", *(["--resume", run, "--jobs", given.jobs] if run.is_dir() else [*own, *flags]))


def good_map(step: Step, given: argparse.Namespace) -> Path:
    """The run of train_anomaly with the folds of this seed."""
    run = step.work / "runs" / "anomaly" / f"good-map-{step.seed}"
    if not (run / "metrics.json").is_file():
        flags = with_weights(GOOD_MAP, given.weights)
        cross_validate("train_anomaly", run, step.seed, given, *flags, negatives=False)
    return run


def classifier(given: argparse.Namespace) -> Path:
    """The run of train_cls that corrects types; its folds are its own, each image has one that tests it."""
    run = given.work / "runs" / "cls" / "types"
    if not (run / "metrics.json").is_file():
        cross_validate("train_cls", run, 0, given, *with_weights(TYPES, given.weights), negatives=False)
    return run


def train_stock(step: Step, given: argparse.Namespace) -> list[Spent]:
    """Train a stock tool on each fold."""
    folds = step.work / f"folds-{step.seed}"
    if not folds.is_dir():
        resplit(given.dataset, folds, Options(ratios=(1, 0, 0), seed=step.seed, folds=FOLDS))
    kind = CONTENDERS[step.contender]
    step.stock_predictions(1).parent.mkdir(exist_ok=True)
    return [
        measured(
            f"benchmarks.stock_{kind.task}", step.data(fold), "--weights", given.weights / kind.flags[1],
            "--out", step.stock_predictions(fold), "--seed", step.seed,
        )
        for fold in range(1, FOLDS + 1)
        if not step.stock_predictions(fold).is_file()
    ]  # fmt: skip


def fuse(given: argparse.Namespace, names: list[str], seeds: list[int]) -> None:
    """Fuse the seeds of the contenders `names`, where there are several or a classifier."""
    runs = given.work / "runs"
    for name, fused in FUSED.items():
        members = [Step(given.work, member, seed).run for member in fused.members for seed in seeds]
        refine = runs / "seg" / fused.refine
        ready = set(fused.members) <= set(names) and (not fused.refine or refine.is_dir())
        if (len(seeds) > 1 or fused.types) and ready and not (runs / fused.task / name).is_dir():
            print_status(name)
            by = ["--refine-by", refine] if fused.refine else []
            by += ["--types-by", classifier(given)] if fused.types else []
            flags = ["--tta", "--device", given.device, "--runs", runs, "--name", name]
            measured(f"train_{fused.task}", "fuse", *members, *by, *flags)


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
