"""Cross-validation: every image is tested once, by a fold that did not train on it; numbers per fold and pooled.

The operating point of a fold is chosen on its own val. Without val it is chosen on the tested images of all other
folds: it is not applied to any of them, and each was predicted by a model that had not seen it. So all defects
train, and many more of them decide the threshold. Pooled counts are those of every fold at its own threshold;
pooled AP ranks the scores of all folds together, as pycocotools does on that file.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from datasets.coco import CocoFile, Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset
from evaluate.measure import choose_point, describe, measure, write_metrics
from evaluate.metrics import METRICS, Metrics, read_metrics
from evaluate.operating import parse_rule
from evaluate.protocol import protocol_of
from evaluate.run_folder import Run, read_split
from evaluate.truth import checked_predictions, defect_types, run_truth
from evaluate.type_of_image import image_answers
from evaluate.type_thresholds import counted_predictions
from evaluate.values import Folds, OperatingPoint
from system.errors import InputError
from system.links import check_own_folder

OTHERS = "the other folds"
GOOD_OF_FOLDS = "good images of each fold"


class _Measured(msgspec.Struct, frozen=True):
    """A fold: ground truth of its tested images, what it predicts there, and its numbers."""

    run: Run
    truth: CocoFile
    predictions: list[Prediction]
    metrics: Metrics

    @property
    def answers(self) -> Sequence[Prediction]:
        """The predictions by which an image is found or missed."""
        return image_answers(self.predictions, self.run.provides)

    def renumbered(self, ids: Mapping[str, int]) -> Iterator[Prediction]:
        """The predictions by the image ids of all folds together; `ids` is file name -> id."""
        names = {image.id: image.file_name for image in self.truth.images}
        for p in self.predictions:
            yield msgspec.structs.replace(p, image_id=ids[names[p.image_id]])


def measure_folds(
    run: Run, folds: Sequence[Run], dataset: Dataset, *, operating_point: str = "max-f1", seed: int = 0
) -> Metrics:
    """Measure a cross-validation whose folds are measured already: pool their predictions/test.json into that of
    `run`, write its metrics.json and metrics.md, and return the numbers.

    Folds without a val are measured again at the operating point that the others give them by the rule
    `operating_point`. `run` lists all tested images as test in its split.json. Measures of score maps are of the
    folds only. Raises InputError if a fold has no metrics.json, or where the folds do not test each image of
    `run` exactly once, OptionError for the rule.
    """
    rule = parse_rule(operating_point)
    truth = run_truth(run, dataset)["test"]
    _check_once(run, folds)
    measured = [_read(fold, dataset) for fold in folds]
    if rule.limited != "good" and not any(read_split(fold).images.get("val") for fold in folds):
        points = [
            choose_point(rule, [(m.truth, m.answers) for m in measured if m is not fold], boxes=run.provides.boxes)
            for fold in measured
        ]
        measured = [
            _measure_again(fold, dataset, point, seed=seed) for fold, point in zip(measured, points, strict=True)
        ]
    each = [m.metrics for m in measured]
    ids = {image.file_name: image.id for image in truth.images}
    pooled = _in_order(p for m in measured for p in m.renumbered(ids))
    counted = _in_order(
        p
        for m in measured
        for p in counted_predictions(
            image_answers(list(m.renumbered(ids)), run.provides), m.metrics.operating_point, truth.names()
        )
    )
    point = shared_point([m.operating_point for m in each])
    every_point = f"each fold by itself: {'; '.join(m.protocol.operating_point for m in each)}"
    protocol = protocol_of(run, dataset, {"test": truth}, operating_point=every_point, seed=seed)
    types = defect_types(run, dataset)
    metrics = measure(
        protocol, point, truth, pooled, provides=run.provides, counted=counted, seed=seed, types=types
    )
    metrics = msgspec.structs.replace(metrics, folds=summary(each))
    check_own_folder(run.predictions("test").parent)
    run.predictions("test").parent.mkdir(exist_ok=True)  # object storage has no empty folders
    write_predictions(run.predictions("test"), pooled)
    write_metrics(run, metrics)
    return metrics


def summary(measured: Sequence[Metrics]) -> Folds:
    """Mean and standard deviation over folds of every number that any fold has."""
    numbers = [fold_numbers_of(m) for m in measured]
    names = dict.fromkeys(name for of_fold in numbers for name in of_fold)
    values = {name: [of_fold.get(name) for of_fold in numbers] for name in names}
    known = {name: [v for v in each if v is not None] for name, each in values.items()}
    return Folds(
        score_thresholds=[m.operating_point.score_threshold for m in measured],
        values=values,
        mean={name: statistics.fmean(each) if each else None for name, each in known.items()},
        standard_deviation={
            name: statistics.stdev(each) if len(each) > 1 else None for name, each in known.items()
        },
    )


def fold_numbers_of(metrics: Metrics) -> dict[str, float | None]:
    """Every number that is reported per fold, by name."""
    values = [(metric, metrics.get(metric)) for metric in METRICS]
    return {
        name: number
        for metric, value in values
        if value is not None
        for name, number in metric.fold_numbers(value).items()
    }


def shared_point(points: Sequence[OperatingPoint]) -> OperatingPoint:
    """The operating points of several runs as one, for display: the median threshold."""
    return OperatingPoint(
        rule=points[0].rule,
        score_threshold=statistics.median(p.score_threshold for p in points),
        chosen_on=GOOD_OF_FOLDS if points[0].rule == "good" else _chosen_on({p.chosen_on for p in points}),
        met=all(p.met for p in points),
        types={
            name: statistics.median(p.types.get(name, p.score_threshold) for p in points)
            for name in dict.fromkeys(name for p in points for name in p.types)
        },
    )


def _chosen_on(places: set[str]) -> str:
    if OTHERS in places:
        return OTHERS
    return "val of each fold" if "val" in places else "default"


def _read(fold: Run, dataset: Dataset) -> _Measured:
    metrics = read_metrics(fold.metrics)
    truth = run_truth(fold, dataset)["test"]
    return _Measured(fold, truth, checked_predictions(fold.predictions("test"), truth, fold.provides), metrics)


def _measure_again(fold: _Measured, dataset: Dataset, point: OperatingPoint, *, seed: int) -> _Measured:
    if point.chosen_on != "default":
        point = msgspec.structs.replace(point, chosen_on=OTHERS)
    protocol = protocol_of(fold.run, dataset, {"test": fold.truth}, operating_point=describe(point), seed=seed)
    types, provides = defect_types(fold.run, dataset), fold.run.provides
    metrics = measure(protocol, point, fold.truth, fold.predictions, provides=provides, seed=seed, types=types)
    from_model = {metric.key: fold.metrics.get(metric) for metric in METRICS if metric.from_model}
    metrics = msgspec.structs.replace(metrics, **from_model)
    write_metrics(fold.run, metrics)
    return msgspec.structs.replace(fold, metrics=metrics)


def _check_once(run: Run, folds: Sequence[Run]) -> None:
    wanted = set(read_split(run).images["test"])
    tested = Counter(name for fold in folds for name in read_split(fold).images["test"])
    for name, times in tested.items():
        if times > 1 or name not in wanted:
            problem = (
                f"{name} is tested by {times} folds" if times > 1 else f"{name} is not an image of {run.root}"
            )
            raise InputError(run.root, problem, "make the folds again")
    for name in sorted(wanted - set(tested)):
        raise InputError(run.root, f"{name} is not tested by any fold", "finish all folds first")


def _in_order(predictions: Iterable[Prediction]) -> list[Prediction]:
    """By image, and within an image as the fold wrote them."""
    return sorted(predictions, key=lambda p: p.image_id)
