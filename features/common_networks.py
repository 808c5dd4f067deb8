"""Facts about common networks, known without building them, so that a wrong file or layer is refused at once.

Other networks are checked when they are built, which takes seconds.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from system.errors import OptionError

# The names of a network -> how the names of tensors in each of its blocks begin, in torchvision or in timm.
COMMON = {
    re.compile(r"resnet(18|34|50|101|152)"): ("layer1.",),
    re.compile(r"(tf_)?efficientnet_(b[0-7]|lite[0-4])"): ("blocks.", "features."),
    re.compile(r"mobilenet_v2"): ("features.",),
}
# The names of a network -> the first words of its modules that give a map, in torchvision and in timm.
MODULES = {
    re.compile(r"resnet\d+"): frozenset(
        ("conv1", "bn1", "relu", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4")
    ),
    re.compile(r"(tf_)?efficientnet_\w+"): frozenset(
        ("conv_stem", "bn1", "blocks", "conv_head", "bn2", "features")
    ),
    re.compile(r"mobilenet_v2"): frozenset(("features",)),
}
STRIDES = (2, 4, 8, 16, 32)  # in pixels, of the layers of each of them
MAX_STRIDE = 64  # of any network: that of a layer whose output for a probe of 128 pixels has a side of 2
OUTER = re.compile(r"^(?:module\.|model\.|net\.|encoder\.)+")


def starts_of(network: str) -> Sequence[str]:
    """How the names of tensors in the blocks of a common network begin; empty for other networks.

    >>> starts_of("resnet18"), starts_of("resnext50")
    (('layer1.',), ())
    """
    return next((starts for names, starts in COMMON.items() if names.fullmatch(network)), ())


def can_fit(network: str, tensors: Iterable[str]) -> bool:
    """Whether a file with these names of tensors can be weights of `network`; True for networks not listed."""
    starts = tuple(starts_of(network))
    return not starts or any(OUTER.sub("", name).startswith(starts) for name in tensors)


def check_layers(network: str, layers: Collection[str], option: str) -> None:
    """Raise OptionError for a layer that `network` cannot have: a number of pixels, or the name of a module."""
    for layer in layers:
        if not layer.isdecimal():
            _check_module(network, layer, option)
            continue
        if starts_of(network) and int(layer) not in STRIDES:
            known = ", ".join(str(stride) for stride in STRIDES)
            raise OptionError(
                f"{option} {layer}", f"no such layer of {network}", f"give strides ({known}) or a module"
            )
        if not 1 < int(layer) <= MAX_STRIDE:
            problem = f"no such layer of {network}"
            raise OptionError(f"{option} {layer}", problem, f"give strides of 2 to {MAX_STRIDE} or a module")


def _check_module(network: str, layer: str, option: str) -> None:
    known = next((words for names, words in MODULES.items() if names.fullmatch(network)), None)
    if starts_of(network) and known and layer.partition(".")[0] not in known:
        strides = ", ".join(str(stride) for stride in STRIDES)
        raise OptionError(
            f"{option} {layer}", f"no such layer of {network}", f"give strides ({strides}) or a module"
        )
