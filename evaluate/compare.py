"""Whether a change helped: the difference of every measure of two runs, with paired bootstrap intervals.

Both runs are measured on the same resamples of the test images, so that what makes an image difficult
cancels out (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). A side may be several runs with
different seeds: its value is their mean, and each resample also draws which of them count, so that the
interval includes the variation from seed to seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.coco import CocoFile, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.bootstrap import draw_images, percentile_interval
from evaluate.metric import Tested
from evaluate.metrics import METRICS
from evaluate.operating import operating_scores
from evaluate.run_folder import Run, load_member, read_config, read_split
from evaluate.truth import checked_predictions, run_truth
from evaluate.type_of_image import image_answers
from evaluate.type_thresholds import counted_predictions
from evaluate.values import Interval, OperatingPoint
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARED_RESAMPLES = 1000
MIN_IMAGES = 6  # of fewer, even if all agree, a sign test does not exclude chance: 2 * 0.5^5 is above 0.05
OF_GOOD_IMAGES = "false alarms"  # the only measure that defective images do not decide
Verdict = Literal["better", "worse", "unclear"]


class Difference(msgspec.Struct, frozen=True):
    """A measure of both sides; `difference` is b - a, with its 95 % interval.

    `verdict` is about b: `unclear` if 0 is inside the interval, and if fewer than MIN_IMAGES images decide the
    measure (defective ones, for false alarms good ones), of which resamples differ too little.
    """

    measure: str
    a: float
    b: float
    difference: float
    interval: Interval
    verdict: Verdict


class Comparison(msgspec.Struct, frozen=True):
    """The runs of both sides, the images that both tested, and every measure that both have.

    `defective` of the `images` have an annotation that counts.
    """

    a: list[str]
    b: list[str]
    images: int
    defective: int
    resamples: int
    seed: int
    measures: list[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun:
    """A run with the truth of its test images, its predictions and those of them that count."""

    run: Run
    truth: CocoFile
    predictions: list[Prediction]
    counted: list[Prediction]
    point: OperatingPoint


def read_measured(run: Run, dataset: Dataset) -> MeasuredRun:
    """Read what `run` predicts for its test images; each fold of a cross-validation counts by its own threshold.

    Both sides of a comparison are counted on the current annotations, even if these were corrected since a run
    was made. Raises InputError if the run is not measured or was made on another content of the dataset.
    """
    truth = run_truth(run, dataset, corrected=True)["test"]
    if not run.metrics.is_file():
        raise InputError(run.root, "is not measured", "finish it with fit --resume, or evaluate it")
    predictions = checked_predictions(run.predictions("test"), truth, run.provides)
    names = {image.id: image.file_name for image in truth.images}
    points: dict[str, OperatingPoint] = {}
    for k in range(1, read_config(run.root).folds + 1):
        fold = load_member(run.root / f"fold-{k}")
        points |= dict.fromkeys(read_split(fold).images["test"], operating_scores(fold))
    point = operating_scores(run)
    types = truth.names()
    answers = image_answers(predictions, run.provides)
    counted = [p for p in answers if counted_predictions([p], points.get(names[p.image_id], point), types)]
    return MeasuredRun(run=run, truth=truth, predictions=predictions, counted=counted, point=point)


def compare_runs(
    a: Sequence[MeasuredRun], b: Sequence[MeasuredRun], *, resamples: int = COMPARED_RESAMPLES, seed: int = 0
) -> Comparison:
    """Every measure that all runs of both sides have, the difference b - a and its interval.

    Raises InputError if the runs do not test the same images with the same annotations.
    """
    import numpy as np

    first = a[0]
    for other in (*a[1:], *b):
        check_same_truth(first, other)
    draws = np.vstack([np.ones((1, len(first.truth.images)), np.int64),
                       draw_images(len(first.truth.images), seed, resamples)])  # fmt: skip
    each = [[resampled_numbers(one, first.truth, draws) for one in side] for side in (a, b)]
    sides = _means_of_sides(each, np.random.default_rng([seed, 1]))
    defective = len(first.truth.defective())
    good = len(first.truth.images) - defective
    lower = {name for metric in METRICS for name in metric.lower_is_better}
    measures = []
    for name, of_a in sides[0].items():
        difference = sides[1][name] - of_a if name in sides[1] else np.full(1, np.nan)
        interval = percentile_interval(difference[1:])
        if interval is None or np.isnan(difference[0]):
            continue
        values = float(of_a[0]), float(sides[1][name][0])
        enough = (good if name == OF_GOOD_IMAGES else defective) >= MIN_IMAGES
        verdict = _verdict(interval, lower_is_better=name in lower) if enough else "unclear"
        measures.append(Difference(name, *values, float(difference[0]), interval, verdict))
    return Comparison(
        a=[str(one.run.root) for one in a], b=[str(one.run.root) for one in b], images=len(first.truth.images),
        defective=defective, resamples=resamples, seed=seed, measures=measures,
    )  # fmt: skip


def check_different(side: Sequence[MeasuredRun]) -> None:
    """Raise InputError if a side has the same run twice, which would count as two seeds that agree exactly."""
    seen: set[Path] = set()
    for one in side:
        root = one.run.root.resolve()
        if root in seen:
            raise InputError(one.run.root, "is given twice for one side", "name each run once")
        seen.add(root)


def check_same_truth(first: MeasuredRun, other: MeasuredRun) -> None:
    """Raise InputError if two runs do not test the same images with the same annotations and types."""
    if first.run.provides.types != other.run.provides.types:
        typed, untyped = sorted((first.run, other.run), key=lambda run: not run.provides.types)
        problem = f"does not distinguish defect types, {typed.root} does"
        raise InputError(untyped.root, problem, "compare runs that both do, or both do not")
    ours, theirs = _content(first.truth), _content(other.truth)
    for name in sorted(ours.keys() ^ theirs.keys()):
        root = first.run.root if name in ours else other.run.root
        problem = f"{name} is tested by {root} only"
        raise InputError(other.run.root, problem, "compare runs that test the same images, as with --folds")
    for name in sorted(ours):
        if ours[name] != theirs[name]:
            problem = f"the annotations of {name} differ from those of {first.run.root}"
            raise InputError(other.run.root, problem, "evaluate both runs on the same dataset")
    if first.truth.names() != other.truth.names():
        problem = f"its defect types differ from those of {first.run.root}"
        raise InputError(other.run.root, problem, "evaluate both runs on the same dataset")


def _content(truth: CocoFile) -> dict[str, list[bytes]]:
    """The annotations of each file name, independent of ids and order."""
    annotations = truth.by_image()
    return {
        image.file_name: sorted(
            msgspec.json.encode(msgspec.structs.replace(a, id=0, image_id=0)) for a in annotations[image.id]
        )
        for image in truth.images
    }


def resampled_numbers(
    one: MeasuredRun, order: CocoFile, draws: "NDArray[np.int64]"
) -> dict[str, "NDArray[np.float64]"]:
    """Every resampled measure by name; the columns of `draws` are the images in the order of `order`."""
    column = {image.file_name: k for k, image in enumerate(order.images)}
    tested = Tested(
        truth=one.truth,
        predictions=one.predictions,
        counted=one.counted,
        point=one.point,
        provides=one.run.provides,
        draws=draws[:, [column[image.file_name] for image in one.truth.images]],
    )
    return {name: values for metric in METRICS for name, values in metric.resampled(tested).items()}


def mean_of_runs(
    runs: Sequence[Mapping[str, "NDArray[np.float64]"]], random: "np.random.Generator"
) -> dict[str, "NDArray[np.float64]"]:
    """Each measure that all runs have: their mean first, then the mean of runs drawn for each resample."""
    import numpy as np

    shared = [name for name in runs[0] if all(name in run for run in runs)]
    resamples = len(next(iter(runs[0].values())))
    weights = random.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=resamples) / len(runs)
    weights[0] = 1 / len(runs)
    means = {}
    for name in shared:
        values = np.stack([run[name] for run in runs], axis=1)
        means[name] = np.where(weights > 0, weights * values, 0).sum(axis=1)
    return means


def _means_of_sides(
    sides: "Sequence[Sequence[Mapping[str, NDArray[np.float64]]]]", random: "np.random.Generator"
) -> "list[dict[str, NDArray[np.float64]]]":
    """`mean_of_runs` of both sides; which is drawn first does not depend on their order.

    So exchanged sides have the same intervals with the opposite sign.
    """
    import numpy as np

    order = sorted((0, 1), key=lambda k: [[float(np.nansum(v)) for v in run.values()] for run in sides[k]])
    means = {k: mean_of_runs(sides[k], random) for k in order}
    return [means[0], means[1]]


def _verdict(interval: Interval, *, lower_is_better: bool) -> Verdict:
    low, high = interval
    if low <= 0 <= high:
        return "unclear"
    return "better" if (high < 0) == lower_is_better else "worse"
