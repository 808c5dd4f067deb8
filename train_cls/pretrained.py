"""Make a new classifier with pretrained weights: find the library whose network they fit, and report missing
tensors."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from datasets.coco import Category
from features.library import build_network, normalisation, published_weights
from features.weights import part_names, read_for_libraries
from system.errors import WeightsError
from train_cls.model import OPTION, ClassifierNet, ClassifierSpec, check_size, head_name, libraries
from train_cls.options import WEIGHTS_REMEDY as REMEDY
from train_cls.options import ClassifierOptions


@dataclass(frozen=True, slots=True)
class NewClassifier:
    """A network before its training; `pretrained` are the names of its parameters that were loaded.

    `lines` report to the user what the weights lack.
    """

    network: ClassifierNet
    spec: ClassifierSpec
    pretrained: frozenset[str]
    lines: list[str]


def new_classifier(categories: list[Category], options: ClassifierOptions) -> NewClassifier:
    """The network that `options` name; its last layer and all parameters that the weights lack are random.

    If both libraries have a network of that name, the tensors in the file decide; otherwise torchvision is used.
    Raises OptionError for an unknown name or an impossible size, WeightsError.
    """
    arch, several = options.arch, options.several == "multi"
    types = len(categories) + (not several)
    known = libraries(arch)
    wrapped: list[str] = []
    if options.weights in {"none", "imagenet"}:
        library = known[0]
        given = published_weights(library, arch, "--weights", REMEDY) if options.weights == "imagenet" else None
    else:
        build = {one: partial(build_network, one, arch, OPTION, types) for one in known}
        library, given, wrapped = read_for_libraries(Path(options.weights), build, "weights", REMEDY)
    spec = ClassifierSpec(arch, library, options.imgsz, categories, gamma=options.gamma, several_types=several)
    torch.manual_seed(options.seed)
    network = ClassifierNet(spec)
    mean, std = normalisation(library, network.net)
    spec = msgspec.structs.replace(spec, mean=mean, std=std)
    network.mean, network.std = torch.tensor(mean).view(1, 3, 1, 1), torch.tensor(std).view(1, 3, 1, 1)
    head = head_name(network.net, types, arch)
    check_size(network, spec)
    if given is None:
        return NewClassifier(network, spec, frozenset(), ["weights: none, the network starts from random weights"])
    loaded, lines = _fill(network.net, given, head, options.weights)
    parameters = {name for name, _ in network.named_parameters()}
    pretrained = frozenset(parameters & {f"net.{name}" for name in loaded})
    return NewClassifier(network, spec, pretrained, [*lines, *wrapped])


def _fitting(net: nn.Module, given: dict[str, Tensor]) -> dict[str, Tensor]:
    wanted = net.state_dict()
    return {name: value for name, value in given.items() if name in wanted and value.shape == wanted[name].shape}


def _fill(net: nn.Module, given: dict[str, Tensor], head: str, source: str) -> tuple[set[str], list[str]]:
    """Load the tensors that fit, except the last layer. Raises WeightsError if none fits."""
    own = (f"{head}.weight", f"{head}.bias")
    fits = {name: value for name, value in _fitting(net, given).items() if name not in own}
    if not any(name.endswith("weight") and value.ndim == 4 for name, value in fits.items()):
        raise WeightsError(source, f"none of its {len(given)} tensors fits the network", REMEDY)
    net.load_state_dict(fits, strict=False)
    wanted = [n for n in net.state_dict() if n not in own and not n.endswith("num_batches_tracked")]
    file, lines = Path(source).name, []
    if lacking := [name for name in wanted if name not in given]:
        parts = part_names(lacking)
        lines.append(f"weights: {file} lacks {len(lacking)} tensors ({parts}), which start random and are trained")
    if misfits := [name for name in wanted if name in given and name not in fits]:
        lines.append(f"weights: {len(misfits)} tensors of {file} have other shapes ({part_names(misfits)})")
    top = head.split(".", maxsplit=1)[0]
    strangers = [n for n in given if n not in net.state_dict() and n.split(".", maxsplit=1)[0] != top]
    if strangers:
        lines.append(f"weights: {len(strangers)} tensors of {file} are unknown ({part_names(strangers)})")
    return set(fits), lines
