"""The results of the folds of benchmarks.bottle: pooled numbers with intervals, as a Markdown table."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from datasets.coco import CocoFile, Prediction
from datasets.formats.coco_file import read_coco, read_predictions
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset
from evaluate.average_precision import BOXES, MASKS
from evaluate.bootstrap import binomial_interval
from evaluate.images import IMAGES, fewest_misses
from evaluate.measure import choose_point, measure
from evaluate.metrics import Metrics
from evaluate.operating import parse_rule
from evaluate.pixels import PIXELS, PixelMeasures
from evaluate.run_folder import TASKS
from evaluate.values import Protocol
from training.new_run import environment

RULE = "alarms<=1%"  # chosen on the other folds, with about 180 good images: one may be a false alarm
# Our components are painted if their mean share of defect is at least this; the others are only guesses. The plain
# loop has no such components: all of its pixels are painted.
SURE = {"seg": 0.5}


class Spent(msgspec.Struct, frozen=True):
    """The cost of the training of one fold: wall seconds, processor seconds, peak memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


class Fold(msgspec.Struct, frozen=True):
    """The test images of a fold and the predictions on them, with the ids of the whole dataset."""

    truth: CocoFile
    found: list[Prediction]


def summarise(work: Path, contenders: Sequence[str]) -> dict[str, Any]:
    """The content of bottle.json, for the contenders whose folds are complete."""
    dataset = load_dataset(work / "bottle-coco")
    rows: dict[str, Any] = {}
    for contender in contenders:
        task = contender.removeprefix("stock-")
        paths = prediction_paths(work, contender)
        for name, files in paths.items():
            if all(file.is_file() for file in files):
                folds = [read_fold(work, k, file) for k, file in enumerate(files, 1)]
                rows[name] = row(dataset, folds, task, SURE.get(contender, 0.0)) | {
                    "spent": spent(work / contender, len(files))
                }
    return {"protocol": __doc__, "rule": RULE, "environment": environment(), "rows": rows}


def prediction_paths(work: Path, contender: str) -> dict[str, list[Path]]:
    """Name of a row -> the predictions of its folds in order."""
    numbers = range(1, 1 + len([p for p in (work / "folds").iterdir() if p.is_dir()]))
    if contender.startswith("stock-"):
        return {contender: [work / contender / f"fold-{k}.json" for k in numbers]}
    task = contender
    return {
        f"{contender}, one look": [work / contender / f"fold-{k}/plain/test.json" for k in numbers],
        f"{contender}, --tta": [
            work / contender / f"fold-{k}/{task}/fold-{k}/predictions/test.json" for k in numbers
        ],
    }


def read_fold(work: Path, number: int, predictions: Path) -> Fold:
    """One fold. The folds of `datasets split` use the image ids of the whole dataset."""
    truth = read_coco(annotation_path(work / f"folds/fold-{number}", "test"))
    return Fold(truth, read_predictions(predictions))


def row(dataset: Dataset, folds: Sequence[Fold], task: str, sure: float) -> dict[str, Any]:
    """The numbers of one contender: on the 83 images of MVTec's test/, and false alarms on train/good.

    Pixels are counted for predictions with a score of `sure` or more, all other numbers at the threshold of each
    fold.
    """
    tested = [_part(fold, "test/") for fold in folds]
    held_out = [_part(fold, "train/") for fold in folds]
    points = [
        choose_point(parse_rule(RULE), [(f.truth, f.found) for f in folds if f is not fold]) for fold in folds
    ]
    least = [p.score_threshold for p in points]
    metrics = _pooled(dataset, tested, task, least)
    each = [_pooled(dataset, [fold], task, [t]) for fold, t in zip(tested, least, strict=True)]
    alarms = _pooled(dataset, held_out, task, least)[IMAGES] if any(f.truth.images for f in held_out) else None
    painted = _pooled(dataset, tested, task, [sure] * len(folds)).get(PIXELS)
    painted_each = [_pooled(dataset, [fold], task, [sure]).get(PIXELS) for fold in tested]
    return {
        "AP": metrics[BOXES].AP,
        "AP50": metrics[BOXES].AP50,
        "AP75": metrics[BOXES].AP75,
        "intervals": metrics[BOXES].intervals,
        "AP50 per type": {name: t.AP50 for name, t in metrics[BOXES].per_type.items()},
        "AP per fold": [m[BOXES].AP for m in each],
        "AP50 per fold": [m[BOXES].AP50 for m in each],
        "masks": metrics.get(MASKS),
        "pixels": painted,
        "Dice per fold": [p.defect.dice for p in painted_each if p],
        "mean IoU of types per fold": [p.mean_iou_of_types for p in painted_each if p],
        "missed": [metrics[IMAGES].missed, metrics[IMAGES].defective],
        "missed names": metrics[IMAGES].missed_names,
        "false alarms, test/good": [metrics[IMAGES].false_alarms, metrics[IMAGES].good],
        "false alarms, train/good": alarms and [alarms.false_alarms, alarms.good],
        "intervals of rates": {
            "missed": metrics[IMAGES].intervals["missed"],
            "train/good": alarms and binomial_interval(alarms.false_alarms, alarms.good),
        },
        "fewest missed at 0, 1 false alarms of test/good": [
            fewest_misses(metrics[IMAGES].curve, allowed, metrics[IMAGES].defective) for allowed in (0, 1)
        ],
        "score thresholds": least,
    }


def markdown(rows: dict[str, Any]) -> str:
    """The table of docs/results.md."""
    names = list(rows)
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]

    def add(label: str, cell: Callable[[dict[str, Any]], str]) -> None:
        lines.append(f"| {label} | {' | '.join(cell(rows[name]) for name in names)} |")

    add("AP of boxes", lambda r: _with_interval(r["AP"], r["intervals"]["AP"]))
    add("AP50 of boxes", lambda r: _with_interval(r["AP50"], r["intervals"]["AP50"]))
    add("AP per fold", lambda r: _spread(r["AP per fold"]))
    add("AP50 per fold", lambda r: _spread(r["AP50 per fold"]))
    pixels = [name for name in names if rows[name]["pixels"]]
    if pixels:
        add(
            "Dice of defect pixels",
            lambda r: _pixels(r, lambda p: _with_interval(p.defect.dice, p.intervals["dice"])),
        )
        add("mean IoU of types", lambda r: _pixels(r, lambda p: f"{p.mean_iou_of_types:.3f}"))
        for name in ("Dice per fold", "mean IoU of types per fold"):
            add(name, lambda r, name=name: _spread(r[name]) if r[name] else "-")
        add("IoU per type", lambda r: _pixels(r, lambda p: ", ".join(f"{t.iou:.2f}" for t in p.per_type.values())))
        add("boundary F", lambda r: _pixels(r, lambda p: f"{p.boundary.f:.3f}"))
    add(f"missed, threshold by {RULE}", lambda r: _rate(r["missed"], r["intervals of rates"]["missed"]))
    add("false alarms on test/good", lambda r: _rate(r["false alarms, test/good"], None))
    add("false alarms on train/good, held out",
        lambda r: _rate(r["false alarms, train/good"], r["intervals of rates"]["train/good"]))  # fmt: skip
    add("fewest missed at 0 / 1 false alarms of test/good, threshold chosen on test",
        lambda r: " / ".join(map(str, r["fewest missed at 0, 1 false alarms of test/good"])))  # fmt: skip
    add("training of a fold: wall / processor minutes", lambda r: _minutes(r["spent"]["mean of a fold"]))
    return "\n".join(lines)


def _pixels(r: dict[str, Any], cell: Callable[[PixelMeasures], str]) -> str:
    return cell(r["pixels"]) if r["pixels"] else "-"


def _with_interval(value: float, interval: Sequence[float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f}"


def _rate(counted: Sequence[int] | None, interval: Sequence[float] | None) -> str:
    if counted is None:
        return "-"
    bounds = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{counted[0]} of {counted[1]}{bounds}"


def _minutes(mean: dict[str, float]) -> str:
    return f"{mean['wall_s'] / 60:.1f} / {mean['cpu_s'] / 60:.1f}" if mean else "-"


def spent(folder: Path, folds: int) -> dict[str, Any]:
    """The cost of each fold, and the mean over the folds."""
    found = [msgspec.json.decode((folder / f"fold-{k}.spent.json").read_bytes(), type=Spent)
             for k in range(1, folds + 1) if (folder / f"fold-{k}.spent.json").is_file()]  # fmt: skip
    mean = {f: statistics.fmean(getattr(s, f) for s in found) for f in Spent.__struct_fields__} if found else {}
    return {"mean of a fold": mean, "folds": found}


def _part(fold: Fold, folder: str) -> Fold:
    images = [image for image in fold.truth.images if image.file_name.startswith(folder)]
    ids = {image.id for image in images}
    truth = CocoFile(images, [a for a in fold.truth.annotations if a.image_id in ids], fold.truth.categories)
    return Fold(truth, [p for p in fold.found if p.image_id in ids])


def _pooled(dataset: Dataset, folds: Sequence[Fold], task: str, least: Sequence[float]) -> Metrics:
    truth = CocoFile(
        sorted((i for f in folds for i in f.truth.images), key=lambda i: i.id),
        [a for f in folds for a in f.truth.annotations],
        dataset.categories,
    )
    found = [p for f in folds for p in f.found]
    counted = [p for f, t in zip(folds, least, strict=True) for p in f.found if p.score >= t]
    protocol = Protocol(dataset.name, None, task, "", {}, RULE, "", {})
    point = choose_point(parse_rule(RULE), [(truth, found)])
    return measure(protocol, point, truth, found, provides=TASKS[task], counted=counted)
