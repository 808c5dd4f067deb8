"""Facts about common networks, known without building them, so that a wrong file or layer is refused at once.

Other networks are checked when they are built, which takes seconds.
"""

import re
from collections.abc import Collection, Sequence

from features.wrapped_names import prefixes
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
LISTED_STRIDES = ", ".join(str(stride) for stride in STRIDES)
MAX_STRIDE = 64  # of any network: that of a layer whose output for a probe of 128 pixels has a side of 2


def starts_of(network: str) -> Sequence[str]:
    """How the names of tensors in the blocks of a common network begin; empty for other networks.

    >>> starts_of("resnet18"), starts_of("resnext50")
    (('layer1.',), ())
    """
    return next((starts for names, starts in COMMON.items() if names.fullmatch(network)), ())


def can_fit(network: str, tensors: Collection[str]) -> bool:
    """Whether a file with these names of tensors can be weights of `network`; True for networks not listed."""
    starts = tuple(starts_of(network))
    begins = tuple(prefix + start for prefix in prefixes(tensors) for start in starts)
    return not starts or any(name.startswith(begins) for name in tensors)


def check_layers(network: str, layers: Collection[str], option: str) -> None:
    """Raise OptionError for a layer that `network` cannot have: a number of pixels, or the name of a module."""
    for layer in layers:
        if layer.isdecimal():
            possible, strides = _has_stride(network, int(layer))
        else:
            possible, strides = _has_module(network, layer), f"({LISTED_STRIDES})"
        if not possible:
            remedy = f"give strides {strides} or a module"
            raise OptionError(f"{option} {layer}", f"no such layer of {network}", remedy)


def _has_stride(network: str, stride: int) -> tuple[bool, str]:
    """Whether `network` can have a layer of that stride, and which strides it can have."""
    if starts_of(network):
        return stride in STRIDES, f"({LISTED_STRIDES})"
    return 1 < stride <= MAX_STRIDE, f"of 2 to {MAX_STRIDE}"


def _has_module(network: str, module: str) -> bool:
    """Whether `network` can have a module of that name; True for networks that are not listed."""
    known = next((words for names, words in MODULES.items() if names.fullmatch(network)), None)
    return not (starts_of(network) and known) or module.partition(".")[0] in known
