"""The list of metrics, and metrics.json: every number of a run, with the protocol that states what it means."""

from pathlib import Path
from typing import Any, cast

import msgspec

from evaluate.any_defect import ANY_DEFECT
from evaluate.average_precision import BOXES, MASKS
from evaluate.confusion import INSTANCES, TYPE_CONFUSION
from evaluate.errors_of_instances import INSTANCE_ERRORS
from evaluate.errors_of_pixels import PIXEL_ERRORS
from evaluate.image_types import ACCURACY, IMAGE_TYPES
from evaluate.images import IMAGES
from evaluate.label_errors import LABEL_ERRORS, LabelErrors
from evaluate.metric import Metric, Tested, V
from evaluate.panoptic import PANOPTIC
from evaluate.pixels import PIXELS
from evaluate.score_maps import SCORE_MAPS
from evaluate.several_types import SEVERAL_TYPES
from evaluate.values import Folds, OperatingPoint, Protocol, Seeds
from system.json_file import read_json

SCHEMA_VERSION = 1

# In the order of the tables and of metrics.json. Any: the list holds metrics of different value types.
METRICS: tuple[Metric[Any], ...] = (
    IMAGES, ACCURACY, IMAGE_TYPES, SEVERAL_TYPES, BOXES, MASKS, ANY_DEFECT, PANOPTIC, PIXELS, SCORE_MAPS,
    INSTANCES, TYPE_CONFUSION, INSTANCE_ERRORS, PIXEL_ERRORS, LABEL_ERRORS,
)  # fmt: skip


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The content of metrics.json; the value of each metric is one more field, of the name of its key.

    In a cross-validation, `folds` holds each fold's own numbers, and all others are of the pooled predictions. Of
    several seeds, `seeds` holds the numbers, and no other metric has a value but the suspected label errors.
    """

    schema_version: int
    protocol: Protocol
    operating_point: OperatingPoint
    folds: Folds | None = None
    seeds: Seeds | None = None

    def get(self, metric: Metric[V]) -> V | None:
        """The value of `metric`, None if the run has none."""
        value = getattr(self, metric.key)
        return value if isinstance(value, metric.value_type) else None

    def __getitem__(self, metric: Metric[V]) -> V:
        """The value of `metric`. Raises KeyError if the run has none."""
        value = self.get(metric)
        if value is None:
            raise KeyError(metric.key)
        return value


# A metrics.json that was written before a metric existed lacks its key, so each of them may be missing.
_FILE = cast(
    "type[Metrics]",
    msgspec.defstruct(
        "MetricsFile",
        [(metric.key, metric.value_type | None, None) for metric in METRICS],
        bases=(Metrics,),
        frozen=True,
        kw_only=True,
    ),
)


def measure_all(tested: Tested, protocol: Protocol) -> Metrics:
    """Every metric of a run's test images."""
    values = {metric.key: metric.measure(tested) for metric in METRICS}
    return _FILE(schema_version=SCHEMA_VERSION, protocol=protocol, operating_point=tested.point, **values)


def metrics_of_seeds(
    protocol: Protocol, point: OperatingPoint, seeds: Seeds, label_errors: LabelErrors | None
) -> Metrics:
    """The metrics of several runs that differ in their seed."""
    metrics = _FILE(schema_version=SCHEMA_VERSION, protocol=protocol, operating_point=point, seeds=seeds)
    return msgspec.structs.replace(metrics, **{LABEL_ERRORS.key: label_errors})


def read_metrics(path: Path) -> Metrics:
    """Read a metrics.json. Raises InputError."""
    return read_json(path, _FILE)
