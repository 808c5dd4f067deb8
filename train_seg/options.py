"""The options of `train_seg fit`, given by flags or a recipe; recipes/train_seg.yaml has units and reasons."""

from typing import Annotated, ClassVar, Literal

import msgspec

from system.errors import OptionError
from training.options import (
    Amount,
    Fraction,
    Gamma,
    Natural,
    Positive,
    Rate,
    Share,
    SharedOptions,
    Tile,
)
from training.tiles import check_tile

Architecture = Literal["unet", "unet++", "fpn", "deeplabv3+", "segformer"]
Hue = Annotated[float, msgspec.Meta(ge=0, le=0.5)]
Side = Annotated[int, msgspec.Meta(le=8192)]
Degrees = Annotated[float, msgspec.Meta(ge=0, le=180)]


class SegmenterAugmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits for the change of a training image; each change is drawn uniformly from +- its limit.

    `rotation` is in degrees, `shift` a share of the side; `scale`, `brightness`, `contrast` and `saturation` are
    shares of 1, `hue` a share of the colour circle. `noise` is the largest standard deviation as a share of full
    scale. The `_share` options are the share of the images to which a change is applied.
    """

    symmetries: bool = True
    rotation: Degrees = 45.0
    scale: Fraction = 0.1
    shift: Fraction = 0.04
    geometry_share: Share = 0.9
    brightness: Fraction = 0.15
    contrast: Fraction = 0.15
    saturation: Fraction = 0.1
    hue: Hue = 0.02
    colour_share: Share = 0.7
    noise: Fraction = 0.02
    noise_share: Share = 0.25


class SegmenterOptimisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the weights are updated. The learning rate rises over `warmup_share` of all steps to `lr`, then falls.

    It falls along a cosine to `final_lr` times `lr`. The rate of a pretrained encoder is `encoder_lr_share` times
    this. `average_decay` is the decay of the moving average of the weights, which is validated and stored.
    `gradient_clip` is the largest norm of the gradient of a step (0: no limit). `type_weight` is the weight of the
    part of the loss for defect types, `box_weight` that of the part for annotations that have a box only.
    """

    lr: Rate = 1e-3
    final_lr: Rate = 0.01
    warmup_share: Fraction = 0.05
    weight_decay: Fraction = 0.01
    encoder_lr_share: Share = 0.2
    average_decay: Fraction = 0.98
    gradient_clip: Amount = 1.0
    type_weight: Amount = 0.5
    box_weight: Amount = 0.5


class SegmenterOptions(SharedOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options that determine a training, together with the dataset; saved in config.yaml of the run.

    Sizes are in pixels.

    `arch` is an architecture of segmentation-models-pytorch, `encoder` one of its encoders or `tu-` and a network
    of timm. `encoder_weights` is `imagenet`, `none` or a path. `monitor` is the value on val that selects the best
    epoch.
    `good_map` is a run of train_anomaly whose map is a further input channel; it is dropped in a share
    `good_map_drop` of the training images.
    `unlabelled`, `teacher` and `unlabelled_score`: see training.unlabelled.
    `tile` is the side in pixels of the crops to train on, 0 for whole images, `tile_empty` how many crops without
    a defect there are for each with one.
    `from_boxes` estimates the masks of annotations that have a box only, by the map of `box_map`, a run of
    train_anomaly, if it is given.
    Raises OptionError for values that contradict each other.
    """

    usual_length: ClassVar[tuple[int, int] | None] = (40, 750)

    arch: Architecture = "unet"
    encoder: str = "resnet18"
    encoder_weights: str = "imagenet"
    encoder_depth: Annotated[int, msgspec.Meta(ge=3, le=5)] = 4
    epochs: Natural = 0
    imgsz: Side = 320
    batch: Positive = 4
    gamma: Gamma = 0.5
    tile: Tile = 0
    tile_empty: Amount = 0.5
    from_boxes: bool = False
    box_map: str = ""
    monitor: Literal["dice", "iou", "loss"] = "dice"
    unlabelled: str = ""
    teacher: str = ""
    unlabelled_score: Share = 0.7
    good_map: str = ""
    good_map_drop: Share = 0.3
    augmentation: SegmenterAugmentation = SegmenterAugmentation()
    optimisation: SegmenterOptimisation = SegmenterOptimisation()

    def __post_init__(self) -> None:
        check_imgsz(self.imgsz, self.encoder_depth)
        check_tile(self.tile, self.good_map)
        if self.box_map and not self.from_boxes:
            raise OptionError("box_map", "needs from_boxes, too", "give both or none")
        if bool(self.unlabelled) != bool(self.teacher):
            given, lacking = ("unlabelled", "teacher") if self.unlabelled else ("teacher", "unlabelled")
            raise OptionError(given, f"needs {lacking}, too", "give both or none")


def check_imgsz(imgsz: int, encoder_depth: int) -> None:
    """Raise OptionError unless the encoder can halve `imgsz` `encoder_depth` times and leave at least 2 x 2."""
    step = 2**encoder_depth
    if imgsz < 2 * step or imgsz % step:
        below = max(2, imgsz // step) * step
        raise OptionError(
            "imgsz",
            f"not a multiple of {step} of at least {2 * step}, as --encoder-depth {encoder_depth} needs",
            f"give {below} or {below + step}",
        )
