"""The options of `train_anomaly fit`, by flags or a recipe; recipes/train_anomaly.yaml has units and reasons."""

import math
from typing import Annotated, Literal

import msgspec

from system.errors import OptionError
from training.options import Fraction, Natural, Positive, Rate, SharedOptions

Method = Literal["features", "padim", "ocsvm", "autoencoder", "gan", "deepsvdd"]
Blur = Annotated[float, msgspec.Meta(ge=0, le=0.1)]
EPOCHS: dict[str, int] = {"autoencoder": 60, "gan": 60, "deepsvdd": 30}
VAL = 0.2


class NearestOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How patches are compared with those of good images, for the method `features`.

    `search` is `place` (with good patches of the same place of the image and those within `radius` patches) or
    `anywhere`. `patches` is the number that is remembered: of all places together, or of each. `sample` chooses
    them: a greedy coreset, at random, or half of each. `reweight` is the number of neighbours of the nearest good
    patch by which its distance is weighted (0: not weighted). `layer_weights` are factors of the features of the
    layers, in the order of rising stride and separated by commas; if empty, all layers have the same variance.
    """

    search: Literal["place", "anywhere"] = "place"
    radius: Natural = 1
    patches: Positive = 256
    sample: Literal["mixed", "coreset", "random"] = "mixed"
    reweight: Natural = 0
    layer_weights: str = ""

    @property
    def factors(self) -> list[float]:
        """The layer weights as numbers. Raises OptionError unless all are above 0."""
        try:
            factors = [float(factor) for factor in self.layer_weights.split(",") if self.layer_weights]
        except ValueError:
            factors = [0.0]
        if not all(0 < factor < math.inf for factor in factors):
            raise OptionError(
                "nearest.layer_weights", "not numbers above 0", "give one for each layer, such as 2,1,1,1"
            )
        return factors


class AnomalyOptions(SharedOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options that determine a training, together with the dataset; saved in config.yaml of the run.

    `imgsz` is in pixels.

    `encoder_weights` is `imagenet`, `none` or a path. `layers` are strides in pixels or modules, separated by
    commas; `stride` is the side of a patch in pixels of the network's input. `alarms` is the share of good
    images that may raise a false alarm, in percent. `val` is the share of the good training images that is
    held out to set the threshold; 0 leaves each of them out in turn. `epochs` 0 and `val` None are replaced by
    the method's own. `smoothing` is the standard deviation of the Gaussian on the score map, as a share of the
    longer side. `synthetic` is the number of made defects that features learns from, half of them pasted from the
    dataset `synthetic_from` if it is given; `pooled` and `nu` are for ocsvm, `compare` for autoencoder, `begin`
    for deepsvdd.
    """

    method: Method = "features"
    encoder: str = "tf_efficientnet_lite0"
    encoder_weights: str = "imagenet"
    layers: str = "2,4,8,16"
    stride: Literal[4, 8, 16, 32] = 16
    imgsz: Annotated[int, msgspec.Meta(ge=64, le=2048, multiple_of=32)] = 384
    alarms: str = "1%"
    val: Fraction | None = None
    epochs: Natural = 0
    batch: Positive = 16
    lr: Rate = 1e-3
    smoothing: Blur = 0.007
    nearest: NearestOptions = NearestOptions()
    synthetic: Natural = 0
    synthetic_from: str = ""
    pooled: bool = False
    nu: Rate = 0.01
    compare: Literal["l2", "ssim"] = "ssim"
    begin: Literal["pretrained", "autoencoder"] = "pretrained"
    negatives: Literal["all"] = "all"
    paste: Literal[0] = 0
    monitor: Literal["loss"] = "loss"
    precision: Literal["32"] = "32"

    def __post_init__(self) -> None:
        if self.synthetic and self.method != "features":
            raise OptionError("synthetic", f"{self.method} learns no made defects", "give --method features")
        if self.synthetic_from and not self.synthetic:
            raise OptionError("synthetic_from", "no defects are made", "give --synthetic 400 too")
        if self.val == 0 and not self.leaves_one_out:
            problem = (
                f"{self.method}{' with --synthetic' * (self.synthetic > 0)} cannot leave out one image in turn"
            )
            raise OptionError("val", problem, "give a share such as 0.2")
        parse_alarms(self.alarms)
        if not all(self.layer_names):
            raise OptionError("layers", "an empty name", "give strides or modules, such as 8,16")
        self.check_layer_weights(len(self.layer_names))

    def check_layer_weights(self, layers: int) -> None:
        """Raise OptionError unless there is one weight for each of so many layers, or none at all."""
        given = len(self.nearest.factors)
        if given and given != layers:
            problem = f"{given} for {layers} layers"
            raise OptionError("nearest.layer_weights", problem, "give one for each layer, or leave it out")

    @property
    def leaves_one_out(self) -> bool:
        """Whether each training image can be scored by a model that did not learn from it."""
        return self.method == "features" and not self.synthetic

    @property
    def layer_names(self) -> list[str]:
        """The layers, one by one."""
        return [layer.strip() for layer in self.layers.split(",")]


def settled(options: AnomalyOptions) -> AnomalyOptions:
    """`options` with the number of epochs and the share of val of the method, if they are not set."""
    return msgspec.structs.replace(
        options,
        epochs=(options.epochs or EPOCHS.get(options.method, 1)) if options.method in EPOCHS else 1,
        val=(0.0 if options.leaves_one_out else VAL) if options.val is None else options.val,
    )


def parse_alarms(text: str) -> float:
    """The rate in `--alarms 1%`, above 0 and below 1. Raises OptionError."""
    try:
        rate = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        rate = 0.0
    if not text.strip().endswith("%") or not 0 < rate < 1:
        raise OptionError("alarms", "not a share of good images", "give a percentage such as 1%")
    return rate
