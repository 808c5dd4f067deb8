"""The classifier network: built from a specification, stored as safetensors that contain it, and rebuilt."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import torch
from torch import Tensor, nn

from datasets.coco import Category
from features.encoder import EncoderSpec
from features.library import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Library,
    StoredMean,
    StoredStd,
    build_network,
    libraries_with,
)
from features.safetensors_file import read_stored_spec, save_with_spec
from system.errors import OptionError, first_line
from system.tensors import check_library_name
from train_cls.options import Side
from training.options import Gamma

OPTION = "--arch"
AUXILIARY = frozenset({"googlenet", "inception_v3"})  # of torchvision; in training they return more than logits
AboveZero = Annotated[float, msgspec.Meta(gt=0)]


class ClassifierSpec(msgspec.Struct, frozen=True):
    """Everything that is needed to rebuild and use a trained classifier.

    `mean` and `std` are those of pixel values from 0 to 1 under which the weights were trained, `gamma` is the
    exponent that is applied to these values first. Logits are divided by `temperature`. `epoch` counts from 1.
    With `encoder` the network is a FittedNet, which averages over the 8 `symmetries` itself. With
    `several_types` there is one logit for each category, each for itself, else one for `good` first.
    """

    arch: str
    library: Library
    imgsz: Side
    categories: list[Category]
    mean: StoredMean = IMAGENET_MEAN
    std: StoredStd = IMAGENET_STD
    gamma: Gamma = 1.0
    temperature: AboveZero = 1.0
    epoch: int = 0
    encoder: EncoderSpec | None = None
    symmetries: bool = False
    several_types: bool = False

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return len(self.categories) + (not self.several_types)


class ClassifierNet(nn.Module):
    """A network that takes RGB in 0..255 and gives the logits of the types, as the specification states them.

    N x 3 x S x S of any number type -> N x outputs. Gamma and normalisation are part of the network, so
    that an exported file does not need them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ClassifierSpec) -> None:
        super().__init__()
        self.net = build_network(spec.library, spec.arch, OPTION, spec.outputs)
        self.gamma = spec.gamma
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> Tensor:
        """Logits of a batch of images."""
        logits: Tensor = self.net(((rgb.float() / 255) ** self.gamma - self.mean) / self.std)
        return logits


def libraries(arch: str) -> list[Library]:
    """The libraries that have a classifier of that name. Raises OptionError if none has."""
    return libraries_with(arch, OPTION, without=AUXILIARY)


def head_name(net: nn.Module, types: int, arch: str) -> str:
    """Name of the last linear layer, which gives the logits. Raises OptionError if the network has none."""
    found = [name for name, one in net.named_modules() if isinstance(one, nn.Linear) and one.out_features == types]
    if not found:
        raise OptionError(f"--arch {arch}", "has no linear layer at its end", "give another name")
    return str(found[-1])


def check_size(network: ClassifierNet, spec: ClassifierSpec) -> None:
    """Raise OptionError if the network cannot take images of `spec.imgsz` pixels."""
    pixels = torch.zeros(1, 3, spec.imgsz, spec.imgsz, dtype=torch.uint8)
    try:
        with torch.inference_mode():
            shape = tuple(network.eval()(pixels).shape)
    except (RuntimeError, AssertionError, ValueError) as error:
        line = first_line(error, 80)
        problem = f"{spec.arch} cannot take it ({line})"
        raise OptionError(f"--imgsz {spec.imgsz}", problem, "give the size it was made for, such as 224") from None
    if shape != (1, spec.outputs):
        raise OptionError(
            f"--arch {spec.arch}", f"gives {shape}, not one score for each type", "give another name"
        )


def save_classifier(path: Path, state: Mapping[str, Tensor], spec: ClassifierSpec) -> None:
    """Write weights and specification atomically as safetensors."""
    save_with_spec(path, state, spec)


def read_classifier_spec(path: Path) -> ClassifierSpec:
    """The specification in a weights file. Raises WeightsError."""

    def check(spec: ClassifierSpec) -> None:
        check_library_name(spec.arch)
        if spec.encoder:
            check_library_name(spec.encoder.name)

    return read_stored_spec(path, ClassifierSpec, "train_cls", check, "name a run made by train_cls fit")
