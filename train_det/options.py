"""The options of `train_det fit`, given by flags or a recipe; recipes/train_det.yaml has units and reasons."""

from typing import Annotated, ClassVar, Literal

import msgspec

from system.errors import OptionError
from train_det.families import YAML, Family
from training.options import (
    Amount,
    Fraction,
    Gamma,
    Natural,
    Rate,
    Share,
    SharedOptions,
    Tile,
)
from training.tiles import check_tile

RANDOM_WEIGHTS = "none"
WEIGHTS_REMEDY = "give the path of an Ultralytics detection checkpoint, or none"
PRETRAINED_LR, RANDOM_LR = 0.001, 0.002  # random weights need larger steps than pretrained ones


class DetectorAugmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits for the change of a training image; a limit is a fraction of 1, upwards and downwards.

    `rotation` is any angle, right angles only (exact for boxes without masks), or none. `flip` mirrors half of the
    images. `scale` scales about the middle, `shift` moves by a fraction of the side, `brightness`, `contrast` and
    `saturation` are factors, `hue` is a rotation by a fraction of the colour circle.
    """

    rotation: Literal["any", "right", "none"] = "any"
    flip: bool = True
    scale: Fraction = 0.15
    shift: Fraction = 0.05
    brightness: Fraction = 0.2
    contrast: Fraction = 0.2
    saturation: Fraction = 0.2
    hue: Fraction = 0.01


class DetectorOptimisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the weights are updated. The learning rate falls along a cosine from `lr` to `final_lr` times `lr`.

    `average_decay` is the decay of the moving average of the weights, which is validated and stored. The decay
    rises along 1 - exp(-step / `average_ramp`). The gains are the weights of the parts of the loss.
    """

    optimizer: Literal["AdamW", "Adam", "NAdam", "RAdam", "SGD"] = "AdamW"
    lr: Rate | Literal["auto"] = "auto"
    final_lr: Rate = 0.01
    momentum: Fraction = 0.9
    weight_decay: Fraction = 0.0005
    warmup_epochs: Amount = 3.0
    average_decay: Fraction = 0.9999
    average_ramp: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 2000.0
    box_gain: Amount = 7.5
    class_gain: Amount = 0.5
    dfl_gain: Amount = 1.5
    freeze_layers: Natural = 0


class DetectorOptions(SharedOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options that determine a training, together with the dataset; saved in config.yaml of the run.

    `weights` is a file, a name of weights or of an architecture (.yaml, with random weights), or none. `family` is
    what it finds and by which kind of network; it is that of the weights and need not be given. `imgsz` is the
    side in pixels of the square into which images are shrunk, `monitor` the value on val that selects the best
    epoch. `tile` is the side in pixels of the crops to train on, 0 for whole images, `tile_empty` how many crops
    without a defect there are for each with one. `good_map` is a run of train_anomaly whose map is a fourth input
    channel; it is dropped in a share `good_map_drop` of the training images. `unlabelled`, `teacher`
    and `unlabelled_score`: see training.unlabelled. Raises OptionError for values that contradict each other.
    """

    usual_length: ClassVar[tuple[int, int] | None] = (60, 600)

    weights: str = "yolo11n.pt"
    family: Family = "yolo"
    epochs: Natural = 0
    imgsz: Annotated[int, msgspec.Meta(ge=64, le=4096, multiple_of=32)] = 352
    gamma: Gamma = 0.5
    tile: Tile = 0
    tile_empty: Amount = 0.5
    unlabelled: str = ""
    teacher: str = ""
    unlabelled_score: Share = 0.7
    good_map: str = ""
    good_map_drop: Share = 0.3
    monitor: Literal["AP", "AP50", "AP75", "loss", "last"] = "AP"
    augmentation: DetectorAugmentation = DetectorAugmentation()
    optimisation: DetectorOptimisation = DetectorOptimisation()

    def __post_init__(self) -> None:
        check_tile(self.tile, self.good_map)
        if bool(self.unlabelled) != bool(self.teacher):
            given, lacking = ("unlabelled", "teacher") if self.unlabelled else ("teacher", "unlabelled")
            raise OptionError(given, f"needs {lacking}, too", "give both or none")
        if self.patience and self.monitor == "last":
            raise OptionError("patience", "monitor last watches no value", "give 0, or another --monitor")


def with_learning_rate(options: DetectorOptions) -> DetectorOptions:
    """The same options with a number for `lr`: if it is auto, the rate for the weights."""
    optimisation = options.optimisation
    if optimisation.lr != "auto":
        return options
    random = options.weights == RANDOM_WEIGHTS or options.weights.endswith(YAML)
    lr = RANDOM_LR if random else PRETRAINED_LR
    return msgspec.structs.replace(options, optimisation=msgspec.structs.replace(optimisation, lr=lr))
