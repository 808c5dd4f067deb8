"""The results of the folds of benchmarks.bottle: pooled numbers with intervals, as a Markdown table.

Of the bottle the 83 images of MVTec's test/ are tested, and those of train/good held out.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.bottle_contenders import CONTENDERS, FOLDS, FUSED, Spent, Step
from datasets.coco import CocoFile, Prediction
from datasets.formats.coco_file import read_coco, read_predictions
from datasets.formats.dataset_folder import Dataset, annotation_path
from evaluate.average_precision import BOXES, MASKS
from evaluate.bootstrap import binomial_interval
from evaluate.images import IMAGES, defective_images, fewest_misses
from evaluate.measure import choose_point, measure
from evaluate.metrics import Metrics
from evaluate.operating import parse_rule
from evaluate.pixels import PIXELS
from evaluate.run_folder import TASKS, Run, load_run, read_split
from evaluate.values import Protocol
from training.cross_validation import folds_of
from training.environment import environment

RULE = "alarms<=1%"  # chosen on the other folds, with about 180 good images: one may be a false alarm
WITHOUT_GOOD = "max-f1"  # instead, where a dataset has no good images
# Our components are painted if their mean share of defect is at least this; the others are only guesses. The plain
# loop has no such components: all of its pixels are painted.
SURE = 0.5


class Fold(msgspec.Struct, frozen=True):
    """The test images of a fold and the predictions on them, with the ids of the whole dataset."""

    truth: CocoFile
    found: list[Prediction]


class Scope(msgspec.Struct, frozen=True):
    """What is measured: images whose name begins with `tested`; those of `held_out` only count false alarms, None:
    there are none. `rule` chooses the score threshold.
    """

    dataset: Dataset
    tested: str
    held_out: str | None
    rule: str


def summarise(
    dataset: Dataset, work: Path, contenders: Sequence[str], seeds: Sequence[int], parts: tuple[str, str | None]
) -> dict[str, Any]:
    """The content of bottle.json, for the contenders, seeds and fused runs that are complete.

    `parts` are the fields `tested` and `held_out` of Scope.
    """
    good = any(not all(defective_images(coco).values()) for coco in dataset.splits.values())
    scope = Scope(dataset, *parts, rule=RULE if good else WITHOUT_GOOD)
    rows: dict[str, Any] = {}
    for contender in contenders:
        for step in (Step(work, contender, seed) for seed in seeds):
            if not step.spent.is_file():
                continue
            kind = CONTENDERS[contender]
            cost = {"spent": spent(step)}
            if kind.stock:
                folds = [stock_fold(step, k) for k in range(1, FOLDS + 1)]
                rows[f"{contender}, seed {step.seed}"] = row(scope, folds, kind.task, 0.0) | cost
            else:
                for look, run in (("one look", step.plain), ("--tta", step.run)):
                    rows[f"{contender}, {look}, seed {step.seed}"] = run_row(scope, run, kind.task) | cost
    for name, fused in FUSED.items():
        if (run := work / "runs" / fused.task / name).is_dir():
            rows[f"{name}, --tta"] = run_row(scope, run, fused.task)
    return {"protocol": __doc__, "rule": scope.rule, "environment": environment(), "rows": rows}


def run_row(scope: Scope, root: Path, task: str) -> dict[str, Any]:
    """The numbers of a cross-validation of ours, with the measures of the score maps of each fold."""
    folds = folds_of(load_run(root))
    maps = [msgspec.json.decode((f.root / "metrics.json").read_bytes()).get("score_maps") for f in folds]
    return row(scope, [run_fold(scope.dataset, fold) for fold in folds], task, SURE) | {
        "score maps per fold": maps
    }


def run_fold(dataset: Dataset, run: Run) -> Fold:
    """The tested images of a fold of a run, and what it predicts."""
    names = set(read_split(run).images["test"])
    parts = list(dataset.splits.values())
    images = [image for coco in parts for image in coco.images if image.file_name in names]
    ids = {image.id for image in images}
    annotations = [a for coco in parts for a in coco.annotations if a.image_id in ids]
    truth = CocoFile(images, annotations, dataset.categories)
    return Fold(truth, read_predictions(run.root / "predictions" / "test.json"))


def stock_fold(step: Step, number: int) -> Fold:
    """A fold of a stock tool. The folds of `datasets split` use the image ids of the whole dataset."""
    truth = read_coco(annotation_path(step.data(number), "test"))
    return Fold(truth, read_predictions(step.stock_predictions(number)))


def row(scope: Scope, folds: Sequence[Fold], task: str, sure: float) -> dict[str, Any]:
    """The numbers of one contender on the tested images, and its false alarms on those held out.

    Pixels are counted for predictions with a score of `sure` or more, all other numbers at the threshold of each
    fold.
    """
    tested = [_part(fold, scope.tested) for fold in folds]
    held_out = [_part(fold, scope.held_out) for fold in folds] if scope.held_out else []
    rule = parse_rule(scope.rule)
    points = [choose_point(rule, [(f.truth, f.found) for f in folds if f is not fold]) for fold in folds]
    least = [p.score_threshold for p in points]
    metrics = _pooled(scope, tested, task, least)
    each = [_pooled(scope, [fold], task, [t]) for fold, t in zip(tested, least, strict=True)]
    alarms = _pooled(scope, held_out, task, least)[IMAGES] if any(f.truth.images for f in held_out) else None
    painted = _pooled(scope, tested, task, [sure] * len(folds)).get(PIXELS)
    painted_each = [_pooled(scope, [fold], task, [sure]).get(PIXELS) for fold in tested]
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
    """The rows as a Markdown table."""
    heads = (
        "", "AP", "AP50", "AP of folds", "AP50 of folds", "Dice", "Dice of folds", "mean IoU of types",
        "pixel AP of folds", "F1-max of folds", "missed", "false alarms, test/good", "false alarms, train/good",
        "processor minutes a fold",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for name, r in rows.items():
        pixels, maps = r["pixels"], r.get("score maps per fold") or [None]
        cells = [
            name,
            _with_interval(r["AP"], r["intervals"]["AP"]),
            _with_interval(r["AP50"], r["intervals"]["AP50"]),
            _spread(r["AP per fold"]),
            _spread(r["AP50 per fold"]),
            _with_interval(pixels.defect.dice, pixels.intervals["dice"]) if pixels else "-",
            _spread(r["Dice per fold"]) if pixels else "-",
            f"{pixels.mean_iou_of_types:.3f}" if pixels else "-",
            *(_spread([m[key] for m in maps]) if all(maps) else "-" for key in ("pixel_ap", "pixel_f1_max")),
            _rate(r["missed"], r["intervals of rates"]["missed"]),
            _rate(r["false alarms, test/good"], None),
            _rate(r["false alarms, train/good"], r["intervals of rates"]["train/good"]),
            f"{r['spent']['cpu_s'] / 60:.1f}" if "spent" in r else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_interval(value: float, interval: Sequence[float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f}"


def _rate(counted: Sequence[int] | None, interval: Sequence[float] | None) -> str:
    if counted is None:
        return "-"
    bounds = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{counted[0]} of {counted[1]}{bounds}"


def spent(step: Step) -> dict[str, float]:
    """The mean cost of a fold."""
    found = msgspec.json.decode(step.spent.read_bytes(), type=list[Spent])
    return {f: sum(getattr(s, f) for s in found) for f in ("wall_s", "cpu_s")}


def _part(fold: Fold, folder: str) -> Fold:
    images = [image for image in fold.truth.images if image.file_name.startswith(folder)]
    ids = {image.id for image in images}
    truth = CocoFile(images, [a for a in fold.truth.annotations if a.image_id in ids], fold.truth.categories)
    return Fold(truth, [p for p in fold.found if p.image_id in ids])


def _pooled(scope: Scope, folds: Sequence[Fold], task: str, least: Sequence[float]) -> Metrics:
    truth = CocoFile(
        sorted((i for f in folds for i in f.truth.images), key=lambda i: i.id),
        [a for f in folds for a in f.truth.annotations],
        scope.dataset.categories,
    )
    found = [p for f in folds for p in f.found]
    counted = [p for f, t in zip(folds, least, strict=True) for p in f.found if p.score >= t]
    protocol = Protocol(scope.dataset.name, None, task, "", {}, scope.rule, "", {})
    point = choose_point(parse_rule(scope.rule), [(truth, found)])
    return measure(protocol, point, truth, found, provides=TASKS[task], counted=counted)
