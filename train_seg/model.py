"""The network: built from a specification, stored with it as safetensors, and rebuilt from that file alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from torch import Tensor, nn

from datasets.coco import Category
from features.library import IMAGENET_MEAN, IMAGENET_STD, StoredMean, StoredStd, padding_colour
from features.safetensors_file import read_stored_spec, read_tensors, save_with_spec
from features.weights import check_fits
from system.errors import InputError, OptionError, WeightsError
from system.tensors import check_library_name, check_tensors, raise_lack_of_memory
from train_seg.architectures import build_network
from train_seg.options import Architecture, Side, check_imgsz
from train_seg.sizes import TypeSize
from training.good_channel import GAIN, widen
from training.options import Gamma, Share

DECODER_CHANNELS = (128, 64, 32, 16, 16)  # half the default of smp: a step takes half as long on a CPU


class ModelSpec(msgspec.Struct, frozen=True):
    """All values that are needed to rebuild a trained model and to use it.

    `decoder_channels`: one value per stage or more, from the deepest stage on. `pixel_threshold`: a pixel is a
    defect if 1 - p(background) is at least this. `epoch` counts from 1. `gamma` is the exponent of pixel values
    from 0 to 1. `sizes`: the usual sizes of each type, empty if there are too few examples.
    `mean` and `std` are those of pixel values, 0 to 1, with which the encoder was trained; older files lack them.
    Older files also lack `arch`; they are U-Nets.
    `good_map` is the SHA-256 of the weights that give the map of a fourth input channel; empty without one.
    """

    encoder: str
    encoder_depth: Annotated[int, msgspec.Meta(ge=3, le=5)]
    imgsz: Side
    categories: list[Category]
    decoder_channels: tuple[Annotated[int, msgspec.Meta(ge=1, le=4096)], ...] = DECODER_CHANNELS
    pixel_threshold: Share = 0.5
    epoch: int = 0
    gamma: Gamma = 1.0
    sizes: list[TypeSize] = []
    mean: StoredMean = IMAGENET_MEAN
    std: StoredStd = IMAGENET_STD
    arch: Architecture = "unet"
    good_map: str = ""

    @property
    def padding(self) -> tuple[int, int, int]:
        """The colour, 0 to 255, around an image that is not square: the mean of the encoder's training."""
        return padding_colour(self.mean)


class SegmentationModel(nn.Module):
    """A network of smp, from RGB in 0..255 to logits of background and every category.

    It is a U-Net unless the specification has another architecture.

    N x 3 x S x S of any number type -> N x (1 + categories) x S x S. Tone curve and normalisation are part of the
    model, so users of an exported file need no preprocessing. With `good_map` there is a fourth channel, 0..255.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        outputs = 1 + len(spec.categories)
        self.net: Any = build_network(spec.arch, spec.encoder, spec.encoder_depth, spec.decoder_channels, outputs)
        self.gamma = spec.gamma
        self.register_buffer("mean", 255 * torch.tensor(spec.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(spec.std).view(1, 3, 1, 1), persistent=False)
        if spec.good_map:
            widen(self.net)
        # Convolutions on a CPU are a quarter faster with the channels last.
        self.to(memory_format=torch.channels_last)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of a batch of images."""
        normal = (255 * (pixels[:, :3].float() / 255) ** self.gamma - self.mean) / self.std
        if pixels.shape[1] > 3:
            normal = torch.cat([normal, pixels[:, 3:].float() * (GAIN / 255)], 1)
        logits: Tensor = self.net(normal.contiguous(memory_format=torch.channels_last))
        return logits


def save_model(path: Path, state: Mapping[str, Tensor], spec: ModelSpec) -> None:
    """Write weights and specification atomically as safetensors."""
    save_with_spec(path, state, spec)


def read_spec(path: Path) -> ModelSpec:
    """The specification in a weights file. Raises WeightsError."""

    def check(spec: ModelSpec) -> None:
        check_imgsz(spec.imgsz, spec.encoder_depth)
        check_library_name(spec.encoder)

    return read_stored_spec(path, ModelSpec, "train_seg", check, "name a run made by train_seg fit")


def load_model(path: Path) -> tuple[SegmentationModel, ModelSpec]:
    """The trained model in evaluation mode, on the CPU, and its specification. Raises WeightsError."""
    spec = read_spec(path)
    tensors = read_tensors(path)
    try:
        check_tensors(path, tensors)
        check_fits(path, tensors, lambda: SegmentationModel(spec))
        model = SegmentationModel(spec)
        model.load_state_dict(tensors)
    except (RuntimeError, InputError, OptionError) as error:
        raise_lack_of_memory(path, error)
        line = str(error).splitlines()[0]
        raise WeightsError(path, f"the weights do not fit their model ({line[:80]})", "train again") from None
    return model.eval(), spec
