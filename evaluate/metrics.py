"""metrics.json as value types: every number of a run, with the protocol that says what it means.

A value that cannot be computed, such as the AP of a defect type without annotation, is null: never -1, never 0.
Rates are fractions of one, intervals are 95 % (low, high), areas and counts are pixels or pieces.
"""

from pathlib import Path
from typing import Any

import msgspec

from system.json_file import read_json

SCHEMA_VERSION = 1
DEFAULT_SCORE_THRESHOLD = 0.25
BACKGROUND = "background"
Interval = tuple[float, float]
CurvePoint = tuple[float, int, int]


class SplitSize(msgspec.Struct, frozen=True):
    """What a split holds; `defective` + `good` = `images`."""

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

    `chosen_on` is the split, `the other folds`, or `default` where none could serve; `met` is False where no
    threshold keeps the rule. Of a cross-validation every fold has its own, and `score_threshold` is their median,
    for looking only.
    """

    rule: str
    score_threshold: float
    chosen_on: str
    met: bool = True


class TypeInstances(msgspec.Struct, frozen=True):
    """COCO AP of one defect type."""

    AP: float | None
    AP50: float | None
    AP75: float | None
    annotations: int


class SizeInstances(msgspec.Struct, frozen=True):
    """COCO AP by annotation area: below 32 x 32 pixels, below 96 x 96, and above."""

    small: float | None
    medium: float | None
    large: float | None


class InstanceMeasures(msgspec.Struct, frozen=True):
    """COCO AP of boxes or of instance masks, over all scores; `intervals` holds AP and AP50."""

    AP: float | None
    AP50: float | None
    AP75: float | None
    per_type: dict[str, TypeInstances]
    by_size: SizeInstances
    intervals: dict[str, Interval | None]


class DefectPixels(msgspec.Struct, frozen=True):
    """Defect of any type against background, pooled over all pixels of the split."""

    iou: float | None
    dice: float | None
    precision: float | None
    recall: float | None


class TypePixels(msgspec.Struct, frozen=True):
    """One defect type against everything else, pooled over all pixels of the split."""

    iou: float | None
    dice: float | None


class Boundary(msgspec.Struct, frozen=True):
    """How well outlines of defect pixels meet, pooled over all outline pixels of the split."""

    f: float | None
    precision: float | None
    recall: float | None


class PixelMeasures(msgspec.Struct, frozen=True):
    """Pixels painted by the predictions at the operating point; `intervals` holds dice and iou of the defect."""

    defect: DefectPixels
    per_type: dict[str, TypePixels]
    mean_iou_of_types: float | None
    boundary: Boundary
    intervals: dict[str, Interval | None]


class ScoreMapMeasures(msgspec.Struct, frozen=True):
    """Measures of the model's defect probability per pixel, over all thresholds."""

    pixel_ap: float | None
    aupro_30: float | None


class ImageMeasures(msgspec.Struct, frozen=True):
    """Misses among the defective images and false alarms among the good ones, at `score_threshold`.

    `intervals` holds the rates of `missed` and `false_alarms`. `curve` is [threshold, missed, false alarms] for
    every image score above 0 as threshold, in rising order.
    """

    score_threshold: float
    defective: int
    missed: int
    good: int
    false_alarms: int
    missed_names: list[str]
    false_alarm_names: list[str]
    intervals: dict[str, Interval | None]
    curve: list[CurvePoint]


class InstanceCounts(msgspec.Struct, frozen=True):
    """Annotations found and predictions right, at the operating point and box IoU 0.5, type included."""

    found: int
    false: int
    missed: int
    precision: float | None
    recall: float | None


class TypeConfusion(msgspec.Struct, frozen=True):
    """`matrix[i][j]`: annotations of type `names[i]` met by predictions of type `names[j]`, background last."""

    names: list[str]
    matrix: list[list[int]]


class Folds(msgspec.Struct, frozen=True):
    """The folds of a cross-validation, each measured by itself: name of a number -> values, mean, deviation.

    The deviation is that of a sample; both leave out folds in which the number does not exist.
    """

    score_thresholds: list[float]
    values: dict[str, list[float | None]]
    mean: dict[str, float | None]
    standard_deviation: dict[str, float | None]


class Metrics(msgspec.Struct, frozen=True):
    """The content of metrics.json; `masks`, `pixels` and `score_maps` are null where the model gives none.

    Of a cross-validation, `folds` holds each fold's own numbers, and all others are of the pooled predictions.
    """

    schema_version: int
    protocol: Protocol
    operating_point: OperatingPoint
    boxes: InstanceMeasures
    masks: InstanceMeasures | None
    pixels: PixelMeasures | None
    score_maps: ScoreMapMeasures | None
    images: ImageMeasures
    instances: InstanceCounts
    type_confusion: TypeConfusion
    folds: Folds | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, as in metrics.json."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def read_metrics(path: Path) -> Metrics:
    """Read a metrics.json. Raises InputError."""
    return read_json(path, Metrics)


def harmonic_mean(precision: float | None, recall: float | None) -> float | None:
    """F1 of precision and recall; 0 where both are 0, None where either is."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def ratio(part: float, whole: float) -> float | None:
    """`part` / `whole` as a plain float, None of nothing."""
    return float(part) / float(whole) if whole else None
