"""A network of torchvision or timm up to chosen layers, with pretrained weights and their normalisation."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from features.library import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Library,
    StoredMean,
    StoredStd,
    build_network,
    libraries_with,
    normalisation,
    published_weights,
)
from features.names import ENCODER_WEIGHTS_REMEDY as REMEDY
from features.weights import part_names, read_for_libraries
from system.errors import OptionError, WeightsError, first_line

PROBE = 128  # side in pixels of the image with which the stride of each layer is measured
OPTION, WEIGHTS_OPTION = "--encoder", "--encoder-weights"


class EncoderSpec(msgspec.Struct, frozen=True):
    """Everything needed to rebuild an encoder: its name, its library, and the layers whose output is used.

    `mean` and `std` are the normalisation of pixel values from 0 to 1 with which the weights were trained.
    """

    name: str
    library: Library
    layers: list[str]
    mean: StoredMean = IMAGENET_MEAN
    std: StoredStd = IMAGENET_STD


class Encoder(nn.Module):
    """The layers of `spec`: N x 3 x H x W float32, 0 to 255, to one N x C x H/s x W/s tensor for each layer."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.spec = spec
        self.net = _cut(build_network(spec.library, spec.name, OPTION), spec)
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """The output of each layer, in the order of the specification."""
        found: dict[str, Tensor] = self.net((pixels / 255 - self.mean) / self.std)
        return [found[layer] for layer in self.spec.layers]

    def train(self, mode: bool = True) -> "Encoder":  # noqa: ARG002
        """The encoder is never trained: its statistics stay those of the pretrained weights."""
        super().train(False)
        return self


def load_encoder(
    name: str, weights: str, layers: Sequence[str], remedy: str = REMEDY
) -> tuple[Encoder, list[str]]:
    """The encoder `name` with `weights`, up to `layers`, and lines to report about the weights.

    `weights` is `imagenet` (downloaded, or from the cache of the library), `none`, or the path of a state dict,
    which is read with weights_only and therefore cannot run code. `layers` are strides in pixels, such as 8 and
    16, or modules. If both libraries have a network of that name, the tensors in the file decide; otherwise
    torchvision is used. Raises OptionError for an unknown name or layer, WeightsError if a used layer is missing
    in the weights.
    """
    known = libraries_with(name, OPTION)
    library, given = known[0], None
    lines: list[str] = []
    if weights not in {"imagenet", "none"}:
        build = {one: partial(build_network, one, name, OPTION) for one in known}
        library, given, lines = read_for_libraries(Path(weights), build, "encoder weights", remedy)
    if weights == "imagenet":
        given = published_weights(library, name, WEIGHTS_OPTION, remedy)
    net = build_network(library, name, OPTION).eval()
    mean, std = normalisation(library, net)
    spec = EncoderSpec(name, library, choose_layers(net, name, layers), mean, std)
    torch.manual_seed(0)
    encoder = Encoder(spec)
    if given is None:
        return encoder, [f"encoder weights: none, {name} starts from random weights"]
    return encoder, [*_fill(encoder, given, weights, remedy), *lines]


def choose_layers(net: nn.Module, name: str, layers: Sequence[str]) -> list[str]:
    """Names of modules for `layers`, which are names or strides in pixels, in the order of rising stride.

    The module of a stride is the last one in the two outer levels of modules whose output, 1 x C x H x W, is
    smaller than the image by this factor. Raises OptionError if there is none.
    """
    strides = _strides(net)
    by_stride = {str(stride): module for module, stride in strides.items()}
    chosen = {}
    for layer in layers:
        module = by_stride.get(layer, layer)
        if module not in strides:
            known = ", ".join(by_stride)
            raise OptionError(
                f"--layers {layer}", f"no such layer of {name}", f"give strides ({known}) or a module"
            )
        chosen[module] = strides[module]
    return sorted(chosen, key=lambda module: chosen[module])


def _strides(net: nn.Module) -> dict[str, int]:
    """Stride of the modules in the two outer levels that return a single map, in the order in which they end."""
    found: dict[str, int] = {}

    def note(module: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] > 1:
            found[module] = PROBE // output.shape[2]

    handles = [
        one.register_forward_hook(lambda _, __, output, module=module: note(module, output))
        for module, one in net.named_modules()
        if module and module.count(".") <= 1
    ]
    try:
        with torch.inference_mode():
            net(torch.zeros(1, 3, PROBE, PROBE))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise OptionError(
            "--encoder", f"cannot be used for maps ({first_line(error, 80)})", "give a convolutional network"
        ) from None
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise OptionError("--encoder", "has no layer that gives a map", "give a convolutional network")
    return found


def _cut(net: nn.Module, spec: EncoderSpec) -> nn.Module:
    """The part of a network that computes the layers of `spec`; gives a dictionary from their names."""
    from timm.models import get_notrace_functions, get_notrace_modules
    from torchvision.models.feature_extraction import create_feature_extractor

    untraced = {"leaf_modules": get_notrace_modules(), "autowrap_functions": get_notrace_functions()}
    try:
        names = {layer: layer for layer in spec.layers}
        cut: nn.Module = create_feature_extractor(net.eval(), names, tracer_kwargs=untraced)
    except Exception as error:  # noqa: BLE001  symbolic tracing fails with errors of many types
        problem = f"cannot be cut ({first_line(error, 80)})"
        raise OptionError(f"--encoder {spec.name}", problem, "give another name") from None
    return cut


def _fill(encoder: Encoder, given: dict[str, Tensor], source: str, remedy: str) -> list[str]:
    """Load the tensors of the cut network. Raises WeightsError if one is missing or has another shape."""
    wanted = encoder.net.state_dict()
    missing = [name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    if missing:
        problem = f"lacks {len(missing)} tensors of {encoder.spec.name} ({part_names(missing)})"
        raise WeightsError(source, problem, remedy)
    misfits = [name for name in wanted if name in given and given[name].shape != wanted[name].shape]
    if misfits:
        problem = (
            f"does not fit {encoder.spec.name} ({len(misfits)} tensors of other shapes: {part_names(misfits)})"
        )
        raise WeightsError(source, problem, remedy)
    encoder.net.load_state_dict({name: given[name] for name in wanted if name in given}, strict=False)
    return []
