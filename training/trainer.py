"""The interface between a trainer and the shared commands; docs/new-trainer.md explains each part with an example.

`Trainer` describes it and is cheap to import; `Learner` is its model, imported when a command needs it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Literal

import msgspec

from datasets.coco import Category, Image, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.map_folder import MapKind
from evaluate.run_folder import Run
from evaluate.values import OperatingPoint
from system.errors import OptionError
from training.asked_devices import refuse_devices
from training.early_stopping import Best
from training.exported_model import ExportFormat
from training.flags import Flag
from training.negatives import DEFECTS_AND_NEGATIVES, ImageChoice
from training.options import OptionsT

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from training.device_group import DeviceGroup
    from training.epoch_recorder import EpochRecorder
    from training.exporter import Exporter

    Rgb = NDArray[np.uint8]
    ScoreMapper = Callable[[Rgb], NDArray[np.float32]]


PredictFlag = Literal["tta", "tile", "exported"]


@dataclass(frozen=True, kw_only=True)
class Trainer(Generic[OptionsT]):
    """One trainer: the command train_<task>, whose runs are runs/<task>/.

    `summary` is the command's help text, `options` the type of all its options. `flags` are the flags of `fit`
    beyond training.flags.OPTION_FLAGS, or other help texts for those, by the last part of the option's path.
    `check` refuses options that can be seen to be wrong without importing a library that takes seconds.
    `check_devices` refuses options that cannot be trained on several devices together; by default all.
    `predict_flags` are the optional flags of `predict` and `evaluate`. `trust_variable` is the environment
    variable that `fit --trust-weights` sets to 1; without a name there is no such flag. `module` is what
    `python -m` starts for each fold, by default the room with the command's name. `fuses`: it has the command
    `fuse`, by Learner.fuse. `images` chooses the images of train that it learns from.
    """

    task: str
    summary: str
    options: type[OptionsT]
    learner: "Callable[[], Learner[OptionsT]]"
    check: Callable[[OptionsT], None] = lambda _options: None
    check_devices: Callable[[OptionsT], None] = refuse_devices
    flags: Mapping[str, Flag] = field(default_factory=dict)
    predict_flags: Sequence[PredictFlag] = ()
    trust_variable: str = ""
    module: str = ""
    fuses: bool = False
    images: ImageChoice = DEFECTS_AND_NEGATIVES

    @property
    def command(self) -> str:
        """Name of the command."""
        return f"train_{self.task}"

    @property
    def python_module(self) -> str:
        """What `python -m` starts."""
        return self.module or self.command


class PredictOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a trained model is applied.

    `tta` averages over the 8 symmetries of the square, `tile` is the side in pixels of the squares that a large
    image is cut into, `exported` uses the model exported to that format.
    """

    tta: bool = False
    tile: int | None = None
    exported: ExportFormat | None = None


@dataclass(frozen=True, kw_only=True)
class Work(Generic[OptionsT]):
    """The inputs of a training: its run folder, the dataset as the run sees it, options and device.

    `state` is the file to continue from, None at the start. `group` are the processes on several devices.
    """

    run: Run
    dataset: Dataset
    options: OptionsT
    device: "torch.device"
    state: Path | None
    group: "DeviceGroup | None" = None

    @property
    def leads(self) -> bool:
        """Whether this process writes the run."""
        return self.group is None or self.group.leads


class Loop(ABC):
    """The epochs of a run, ready to be trained: images read, model built.

    `done` epochs were trained before, `best` is the best of them; an epoch has `batches` batches.
    """

    done: int = 0
    best: Best = Best()
    batches: int = 1

    def missing_in_val(self) -> str | None:
        """Why val cannot choose the best epoch by the monitored value: it lacks an `image` or `annotation`; else
        None."""
        return None

    @abstractmethod
    def train(self, recorder: "EpochRecorder") -> None:
        """Train the epochs that are left, and give each to `recorder`, until that returns True."""


@dataclass(frozen=True, slots=True)
class MapMaker:
    """The map that a page shows over an image: `make` gets an H x W x 3 image and returns its map, h x w float32.

    Values are 0 to 1, or only at least 0 if they are not `bounded`; h x w has the aspect ratio of the image.
    """

    kind: MapKind
    make: "ScoreMapper"
    bounded: bool = True


class Predictor(ABC):
    """A trained model: images in, predictions at the size of the images out.

    `default_score` is the score from which a prediction counts where the run was not measured.
    """

    categories: Sequence[Category]
    default_score: float

    @property
    def operating_point(self) -> OperatingPoint | None:
        """The threshold that the model itself has, for the rule `good`; None if it has none."""
        return None

    @abstractmethod
    def predict(
        self, images: "Iterable[tuple[int, Rgb]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """The predictions of each image (id, H x W x 3 RGB), in order, of at least `min_score`.

        Without `min_score`, all predictions that the metrics need, also those far below the operating point.
        """

    def for_image(self, image: Image) -> "Predictor":  # noqa: ARG002
        """The predictor for an image of val or test of its run; it differs where a run has several trainings."""
        return self

    @property
    def image_scores(self) -> list[float]:
        """The score of each image predicted so far, also below the threshold; empty if none are collected."""
        return []

    @property
    def score_mapper(self) -> "ScoreMapper | None":
        """A function from an image to its score map (H x W, 0 to 1); None if the model has none."""
        return None

    @property
    def map_maker(self) -> MapMaker | None:
        """The map of an image for the page: its score map, unless the model has another; None without one."""
        mapper = self.score_mapper
        return MapMaker("score", mapper) if mapper else None


class Learner(ABC, Generic[OptionsT]):
    """The model of a trainer: how it is trained, stored, applied and exported.

    `state_file` is the file in weights/ to continue from, removed after measuring unless `keeps_state`.
    `operating_rule` chooses the operating point. `shown` are the columns of the history shown during the training,
    `curves` the panels of curves.png (title -> columns).
    """

    state_file: ClassVar[str]
    keeps_state: ClassVar[bool] = True
    operating_rule: ClassVar[str] = "max-f1"
    shown: ClassVar[Sequence[str]]
    curves: ClassVar[Mapping[str, Sequence[str]]]

    def settle(self, options: OptionsT) -> OptionsT:
        """`options` with a value for everything that the user left to the trainer. Raises OptionError."""
        return options

    @abstractmethod
    def check_model(self, dataset: Dataset, options: OptionsT) -> None:
        """Raise OptionError or WeightsError if no model can be built, before folders of folds are made."""

    def furnish(self, run: Run, dataset: Dataset, options: OptionsT) -> None:
        """Put files beside the weights of a new run or fold that it needs, before anything is trained.

        `dataset` is what the run sees. Raises InputError, OptionError, WeightsError.
        """

    @abstractmethod
    def epochs_done(self, state: Path) -> int:
        """The number of completed epochs in a state file. Raises WeightsError."""

    @abstractmethod
    def prepare(self, work: Work[OptionsT]) -> Loop:
        """Read the images and build the model, or restore it. Raises InputError, OptionError, WeightsError."""

    def calibrate(self, work: Work[OptionsT]) -> None:
        """After the last epoch, choose on val what is stored with the weights, such as a pixel threshold."""

    @abstractmethod
    def load(self, run: Run, device: "torch.device", options: PredictOptions) -> Predictor:
        """The best weights of a run. Raises OptionError, WeightsError."""

    def check_fused(self, members: Sequence[Run], refine: Run | None) -> None:  # noqa: ARG002
        """Raise OptionError if the runs `members` cannot be fused, or `refine` cannot refine their boxes."""
        raise OptionError("fuse", "not available for this trainer", f"use {members[0].root} alone")

    def fuse(
        self,
        members: Sequence[Predictor],  # noqa: ARG002
        refine: Predictor | None,  # noqa: ARG002
        types: Predictor | None,  # noqa: ARG002
    ) -> Predictor:
        """Several predictors as one; `refine` refines its boxes, `types`, a classifier, corrects its types.

        Raises OptionError.
        """
        raise OptionError("fuse", "not available for this trainer", "use a single run")

    def exporter(self, run: Run) -> "Exporter | None":  # noqa: ARG002
        """The exporter of the best weights of a run; None if the trainer has no export."""
        return None
