"""The interface of a metric: its computation, its tables, its sentence of protocol and its numbers per fold.

A new metric is one module with a subclass of Metric, and one entry in evaluate.metrics.METRICS.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import msgspec

from datasets.coco import CocoFile, Image, Prediction
from evaluate.cells import Table
from evaluate.run_folder import Provides
from evaluate.values import OperatingPoint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ScoreMap = Callable[[Image], "NDArray[np.float32]"]
V = TypeVar("V", bound=msgspec.Struct | float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The test images of a run with everything that a metric may use.

    `counted` are the predictions that reach the operating point `point`, `draws` how often each image is drawn in
    each bootstrap resample (resamples x images). `score_map` gives the H x W defect score of an image, 0 to 1, at
    original size; None if there is no model to ask. `types` are the defect types of each defective image id.
    `seeds` are the predictions of each of several runs, if these are measured together.
    """

    truth: CocoFile
    predictions: Sequence[Prediction]
    counted: Sequence[Prediction]
    point: OperatingPoint
    provides: Provides
    draws: "NDArray[np.int64]"
    score_map: ScoreMap | None = None
    types: Mapping[int, str] = field(default_factory=dict)
    seeds: Sequence[Sequence[Prediction]] = ()


class Metric(ABC, Generic[V]):
    """One group of numbers: `key` is its name in metrics.json, `value_type` the type of its value there.

    `from_model` marks a metric that asks the model itself; it cannot be computed again from a predictions file.
    `lower_is_better` are those of its numbers per fold that are better if they are lower.
    """

    key: ClassVar[str]
    value_type: type[V]
    from_model: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def measure(self, tested: Tested) -> V | None:
        """The value, None if the run does not provide what it needs."""

    @abstractmethod
    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """Sentences of protocol, the one under `key` first: how it is computed on the images of `truth`."""

    @abstractmethod
    def tables(self, value: V, definitions: Mapping[str, str]) -> Iterator[Table]:
        """The value for people; `definitions` are those of the protocol the value was made by."""

    def fold_numbers(self, value: V) -> dict[str, float | None]:
        """The numbers whose mean and deviation over folds are reported, by name."""
        del value
        return {}

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """Numbers of `fold_numbers` in each resample of `tested.draws`, nan where one does not exist.

        Only numbers that can be computed for all resamples at once, which `evaluate compare` reports.
        """
        del tested
        return {}

    def image_lists(self, value: V) -> dict[str, list[str]]:
        """Lists of file names for the report, by title."""
        del value
        return {}
