"""Several runs that differ only in their seed: the mean of every number, and how far chance moves it.

Two intervals of the mean are given. That over seeds is Student's t interval, from the differences between seeds on
the same images: it is the wider, the more a further training would differ. That over seeds and images is from the
bootstrap of `evaluate compare`: each resample draws images and seeds.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from datasets.formats.dataset_folder import Dataset
from evaluate.bootstrap import LEVEL, draw_images, percentile_interval
from evaluate.compare import check_same_truth, mean_of_runs, read_measured, resampled_numbers
from evaluate.folds import fold_numbers_of, shared_point
from evaluate.label_errors import LABEL_ERRORS
from evaluate.measure import write_metrics
from evaluate.metric import Tested
from evaluate.metrics import Metrics, metrics_of_seeds, read_metrics
from evaluate.protocol import protocol_of
from evaluate.run_folder import Run, read_config
from evaluate.values import Interval, Seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


def measure_seeds(run: Run, members: Sequence[Run], dataset: Dataset, *, seed: int = 0) -> Metrics:
    """Measure `run`, whose `members` are measured already; write its metrics.json and metrics.md.

    Only labels that every member contradicts are suspected to be wrong. `seed` is that of the bootstrap. Raises
    InputError if a member is not measured, or if they do not test the same images.
    """
    measured = [read_measured(member, dataset) for member in members]
    first = measured[0]
    for other in measured[1:]:
        check_same_truth(first, other)
    each = [read_metrics(member.metrics) for member in members]
    images = len(first.truth.images)
    draws = np.vstack([np.ones((1, images), np.int64), draw_images(images, seed)])
    sides = [resampled_numbers(one, first.truth, draws) for one in measured]
    resampled = mean_of_runs(sides, np.random.default_rng([seed, 1]))
    numbers = [read_config(member.root).options.get("seed") for member in members]
    of_seed = [number if isinstance(number, int) else k for k, number in enumerate(numbers)]
    points = [metrics.operating_point for metrics in each]
    point = shared_point(points)
    described = f"each seed by itself: {'; '.join(metrics.protocol.operating_point for metrics in each)}"
    tested = Tested(
        truth=first.truth, predictions=first.predictions, counted=first.counted, point=point,
        provides=run.provides, draws=draws[1:], seeds=[one.predictions for one in measured],
    )  # fmt: skip
    metrics = metrics_of_seeds(
        protocol_of(run, dataset, {"test": first.truth}, operating_point=described, seed=seed),
        point,
        summary_of_seeds(of_seed, [fold_numbers_of(metrics) for metrics in each], resampled),
        LABEL_ERRORS.measure(tested),
    )
    write_metrics(run, metrics)
    return metrics


def summary_of_seeds(
    seeds: Sequence[int],
    numbers: Sequence[Mapping[str, float | None]],
    resampled: "Mapping[str, NDArray[np.float64]]",
) -> Seeds:
    """Mean, deviation and both intervals of every number that all seeds have; `numbers` has one entry per seed.

    `resampled` are the means over seeds in each resample, the first of them without resampling.
    """
    shared = [name for name, value in numbers[0].items() if value is not None]
    values = {name: [of_seed.get(name) for of_seed in numbers] for name in shared}
    known = {name: [v for v in each if v is not None] for name, each in values.items()}
    known = {name: each for name, each in known.items() if len(each) == len(seeds)}
    return Seeds(
        seeds=list(seeds),
        values=known,
        mean={name: statistics.fmean(each) for name, each in known.items()},
        standard_deviation={
            name: statistics.stdev(each) if len(each) > 1 else None for name, each in known.items()
        },
        interval={name: t_interval(each) for name, each in known.items()},
        pooled_interval={name: percentile_interval(resampled[name][1:]) for name in known if name in resampled},
    )


def t_interval(values: Sequence[float]) -> Interval | None:
    """Student's 95 % interval of the mean; None for a single value.

    >>> [round(end, 3) for end in t_interval([0.7, 0.8])]
    [0.115, 1.385]
    """
    if len(values) < 2:
        return None
    from scipy.stats import t

    mean = statistics.fmean(values)
    reach = float(t.ppf((1 + LEVEL) / 2, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return (mean - reach, mean + reach)
