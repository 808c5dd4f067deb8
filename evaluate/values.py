"""Value types that all metrics share: protocol, operating point, sizes of splits, numbers of folds.

A value that cannot be computed, such as the AP of a defect type without annotation, is null: never -1, never 0.
Rates are fractions of one, intervals are 95 % (low, high), areas and counts are pixels or items.
"""

import msgspec

DEFAULT_SCORE_THRESHOLD = 0.25
Interval = tuple[float, float]


class SplitSize(msgspec.Struct, frozen=True):
    """The content of a split; `defective` + `good` = `images`. Images with only ignore regions count as good."""

    images: int
    defective: int
    good: int
    annotations: int


class Protocol(msgspec.Struct, frozen=True):
    """How the numbers were made; `definitions` states in a sentence what each group of them means.

    `task` is that of the run (in the file `kind`).
    """

    dataset: str
    content_sha256: str | None
    task: str = msgspec.field(name="kind")
    tool: str
    splits: dict[str, SplitSize]
    operating_point: str
    bootstrap: str
    definitions: dict[str, str]


class OperatingPoint(msgspec.Struct, frozen=True):
    """A prediction counts where its score is at least `score_threshold`.

    `chosen_on` is the split, `the other folds`, or `default` where no image could decide; `met` is False where no
    threshold keeps the rule. In a cross-validation every fold has its own, and `score_threshold` is their median,
    for display only. `types` are the thresholds of the defect types, by name, if they have their own; then
    `score_threshold` is the one that the rule gives for all types together, and counts for a type without its own.
    """

    rule: str
    score_threshold: float
    chosen_on: str
    met: bool = True
    types: dict[str, float] = {}


class Folds(msgspec.Struct, frozen=True):
    """The folds of a cross-validation, each measured by itself: name of a number -> values, mean, deviation.

    The deviation is that of a sample; both leave out folds in which the number does not exist.
    """

    score_thresholds: list[float]
    values: dict[str, list[float | None]]
    mean: dict[str, float | None]
    standard_deviation: dict[str, float | None]


class Seeds(msgspec.Struct, frozen=True):
    """Several runs that differ in their seed: name of a number -> values by seed, mean, deviation of a sample.

    `interval` is that of the mean over seeds, None for one seed; `pooled_interval` that over seeds and images, of
    the numbers that can be resampled.
    """

    seeds: list[int]
    values: dict[str, list[float]]
    mean: dict[str, float]
    standard_deviation: dict[str, float | None]
    interval: dict[str, Interval | None]
    pooled_interval: dict[str, Interval | None]


def harmonic_mean(precision: float | None, recall: float | None) -> float | None:
    """F1 of precision and recall; 0 where both are 0, None if either is."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def ratio(part: float, whole: float) -> float | None:
    """`part` / `whole` as a plain float, None if `whole` is 0."""
    return float(part) / float(whole) if whole else None
