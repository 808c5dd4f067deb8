"""The options of `train_cls fit`, given by flags or a recipe; recipes/train_cls.yaml has units and reasons."""

from typing import Annotated, Literal

import msgspec

from system.errors import OptionError
from training.options import Amount, Fraction, Gamma, Positive, Rate, Share, SharedOptions

WEIGHTS_REMEDY = "give --weights PATH (a state dict of torchvision or timm) or --weights none"
HALVINGS = 4  # of the side of an image, from image to code of DeepSMOTE
Degrees = Annotated[float, msgspec.Meta(ge=0, le=180)]
Several = Literal["largest", "refuse", "multi"]
Head = Literal["trained", "fitted"]
FITTED_LAYERS = "4,8,16,32"
Balance = Literal["none", "weights", "sampler", "logit-adjust", "deepsmote"]
Side = Annotated[int, msgspec.Meta(ge=32, le=4096)]


class ClassifierAugmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits for the change of a training image; each change is drawn uniformly from +- its limit.

    `symmetries` draws one of the 8 symmetries of the square first. `rotation` in degrees, `shift` as a share of
    the side, `scale`, `brightness` and `contrast` as shares of 1.
    """

    symmetries: bool = True
    rotation: Degrees = 45.0
    scale: Fraction = 0.1
    shift: Fraction = 0.04
    brightness: Fraction = 0.15
    contrast: Fraction = 0.15


class ClassifierOptimisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the weights are updated; the learning rate rises over `warmup_share` of all steps to `lr`, then falls.

    It falls along a cosine to `final_lr` times `lr`; 1 keeps it constant. Pretrained layers get
    `pretrained_lr_share` of it. `gradient_clip` is the largest norm of a step's gradient, 0 any.
    """

    optimizer: Literal["AdamW", "Adam"] = "AdamW"
    lr: Rate = 1e-3
    final_lr: Rate = 0.01
    warmup_share: Fraction = 0.05
    weight_decay: Fraction = 0.01
    pretrained_lr_share: Share = 0.2
    gradient_clip: Amount = 1.0


class DeepSmoteOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How DeepSMOTE learns to encode and decode images.

    `codec_imgsz` is the side of its images in pixels, `codec_width` the number of channels of the first layer,
    which doubles with each layer, `codec_size` the length of a code, `codec_steps` the number of updates with
    `codec_batch` images each, `codec_lr` the learning rate of Adam.
    """

    codec_imgsz: Annotated[int, msgspec.Meta(ge=32, le=512, multiple_of=2**HALVINGS)] = 64
    codec_width: Annotated[int, msgspec.Meta(ge=1, le=512)] = 16
    codec_size: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 300
    codec_steps: Annotated[int, msgspec.Meta(ge=1)] = 1000
    codec_batch: Annotated[int, msgspec.Meta(ge=2)] = 16
    codec_lr: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1e-3


class ClassifierOptions(SharedOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that, with the dataset, decides a training; saved in the run's config.yaml. `imgsz` in pixels.

    `weights` is `imagenet`, `none` or a path. A `fitted` head keeps the network and fits linear models of the
    features of its `layers` in one pass. `several` is for an image with annotations of several types: the type
    with the largest area, an error, or a probability of each type by itself. `balance` is for types with few
    images: weights in the loss, a sampler that draws each type as often, logits adjusted by the frequency of the
    types, or new images made by DeepSMOTE, whose options are `deepsmote`. `mixup` is the parameter of the Beta
    distribution of the mixed shares, 0 turns it off. Raises OptionError for values that cannot be combined.
    """

    arch: str = "resnet18"
    weights: str = "imagenet"
    freeze: bool = False
    head: Head = "trained"
    layers: str = FITTED_LAYERS
    epochs: Positive = 30
    imgsz: Side = 224
    batch: Positive = 16
    gamma: Gamma = 1.0
    negatives: str = "all"
    several: Several = "largest"
    balance: Balance = "none"
    mixup: Amount = 0.0
    label_smoothing: Fraction = 0.0
    monitor: Literal["loss", "accuracy", "balanced_accuracy"] = "loss"
    augmentation: ClassifierAugmentation = ClassifierAugmentation()
    optimisation: ClassifierOptimisation = ClassifierOptimisation()
    deepsmote: DeepSmoteOptions = DeepSmoteOptions()

    def __post_init__(self) -> None:
        if self.freeze and self.weights == "none":
            raise OptionError("freeze", "random weights cannot be kept", "give --weights imagenet or a file")
        if self.balance == "deepsmote" and self.paste:
            raise OptionError("balance", "pasted images cannot be parents of others", "leave out --paste")
        if self.head == "trained" and self.layers != FITTED_LAYERS:
            raise OptionError("layers", "is for a fitted head", "add --head fitted or leave it out")
        if self.head == "fitted":
            self._check_fitted()
        if self.several == "multi" and self.balance in {"sampler", "logit-adjust", "deepsmote"}:
            problem = "needs one type for each image"
            raise OptionError("balance", problem, "give none or weights with --several multi")

    @property
    def layer_names(self) -> list[str]:
        """The layers of a fitted head, one by one."""
        return [layer.strip() for layer in self.layers.split(",") if layer.strip()]

    def _check_fitted(self) -> None:
        asked = {"mixup": self.mixup, "label_smoothing": self.label_smoothing}
        for name, value in asked.items():
            if value:
                raise OptionError(name, "is for a trained head", "leave it out with --head fitted")
        if self.balance not in {"none", "weights"}:
            raise OptionError("balance", "is for a trained head", "give none or weights")
        if len(self.layer_names) < 2:
            raise OptionError("layers", "less than two layers", "give such as 4,8,16,32")
