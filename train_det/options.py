"""What a training is asked for: the options of the command line, and the settings that follow from the weights."""

from typing import Annotated, Any, Literal

import msgspec

from datasets.errors import OptionError
from train_det.augment import Augmentation

RANDOM_WEIGHTS = "none"

Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Optimisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the weights are moved; the learning rate falls from `lr` along a cosine to `final_lr` times that.

    `average_decay` is that of the moving average of the weights which is validated and kept, reached along
    1 - exp(-step / `average_ramp`). Gains weigh the parts of the loss.
    """

    optimizer: str = "AdamW"
    lr: Rate = 0.001
    final_lr: Rate = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0005
    warmup_epochs: float = 3.0
    average_decay: float = 0.9999
    average_ramp: float = 2000.0
    box_gain: float = 7.5
    class_gain: float = 0.5
    dfl_gain: float = 1.5
    freeze_layers: Natural = 0


class FitOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that, with the dataset, decides a training; saved in the run's config.yaml.

    `imgsz` is the side in pixels of the square the images are shrunk into, `negatives` as in
    `datasets.negatives`, `monitor` the metric on val that chooses the best epoch.
    """

    weights: str = "yolo11n.pt"
    epochs: Positive = 60
    imgsz: Annotated[int, msgspec.Meta(ge=64, le=4096, multiple_of=32)] = 320
    batch: Positive = 8
    device: str = "auto"
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    workers: Natural = 0
    negatives: str = "0.5"
    monitor: Literal["AP", "AP50", "AP75", "loss", "last"] = "AP"
    precision: Literal["auto", "32", "bf16"] = "auto"
    augmentation: Augmentation = Augmentation()
    optimisation: Optimisation = Optimisation()


def fit_options(*, lr: float | None = None, **given: object) -> FitOptions:
    """Options from the command line, each checked; without `lr` it suits the weights. Raises OptionError."""
    optimisation = msgspec.to_builtins(optimisation_for(str(given.get("weights"))))
    if lr is not None:
        optimisation["lr"] = lr
    return read_options({**given, "optimisation": optimisation})


def optimisation_for(weights: str) -> Optimisation:
    """Settings that suit the start: random weights want larger steps than pretrained ones."""
    if weights == RANDOM_WEIGHTS:
        return Optimisation(lr=0.002)
    return Optimisation()


def read_options(values: dict[str, Any]) -> FitOptions:
    """Options from plain values, as a run's config.yaml holds them. Raises OptionError."""
    try:
        return msgspec.convert(values, FitOptions)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        name = place.rstrip("`").rpartition(".")[2]
        raise OptionError(f"--{name} {_value(values, place)}", problem, "see train_det fit --help") from None


def _value(values: dict[str, Any], place: str) -> object:
    found: Any = values
    for part in place.rstrip("`").split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return found
