"""Names of networks and files of weights, checked without importing the libraries, which takes seconds.

The names of timm and torchvision are read from the source text of the installed packages.
"""

import difflib
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from features.common_networks import can_fit
from features.stored_tensors import check_stored_weights
from system.errors import OptionError, WeightsError

REGISTERED = re.compile(r"^@register_model.*\n(?:@.*\n|\s*#.*\n|\n)*def (\w+)\(", re.MULTILINE)
RENAMED = re.compile(r"register_model_deprecations\(__name__, \{(.*?)\}\)", re.DOTALL)
RENAMED_NAME = re.compile(r"^\s*'([\w.]+)'\s*:", re.MULTILINE)
ENCODER_WEIGHTS_REMEDY = (
    "give --encoder-weights PATH (a state dict of torchvision or timm) or --encoder-weights none"
)
RESNET_WEIGHTS_REMEDY = "give --weights PATH, a ResNet-18 state dict under torchvision's names"
PUBLISHED = frozenset({"imagenet", "none"})


@cache
def timm_names() -> frozenset[str]:
    """The names of all networks of timm, without tags of weights; empty if its source cannot be found."""
    names: set[str] = set()
    for text in source_texts("timm", "models"):
        names.update(REGISTERED.findall(text))
        for block in RENAMED.findall(text):
            names.update(RENAMED_NAME.findall(block))
    return frozenset(names)


@cache
def torchvision_names() -> frozenset[str]:
    """The names of all classifiers of torchvision; empty if its source cannot be found."""
    return frozenset(name for text in source_texts("torchvision", "models") for name in REGISTERED.findall(text))


def source_texts(package: str, folder: str) -> Iterator[str]:
    """The text of each module in a folder of an installed package, which is not imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return
    for path in sorted((Path(spec.origin).parent / folder).glob("*.py")):
        yield path.read_text(encoding="utf-8", errors="replace")


def check_network(name: str, option: str) -> None:
    """Raise OptionError if neither torchvision nor timm has a network `name`; `option` is the flag that named it.

    Passes if their source texts cannot be read; `features.library` then refuses the name.
    """
    timm, torchvision = timm_names(), torchvision_names()
    if not (timm and torchvision) or name in torchvision or name.partition(".")[0] in timm:
        return
    raise unknown_network(name, option, timm | torchvision)


def unknown_network(name: str, option: str, known: frozenset[str]) -> OptionError:
    """The error for a network that no library has, with the nearest of the `known` names."""
    near = difflib.get_close_matches(name, sorted(known), 1, 0.8)
    remedy = (
        f"did you mean {near[0]}?"
        if near
        else "give a name such as resnet18, mobilenet_v2 or tf_efficientnet_lite0"
    )
    return OptionError(f"{option} {name}", "neither torchvision nor timm has a network of that name", remedy)


def check_weights_file(weights: str, network: str, remedy: str) -> None:
    """Raise WeightsError if `weights` is neither imagenet nor none nor a file with weights that can fit `network`.

    Passes what only PyTorch can read, and networks that are not common ones; training then refuses the file.
    """
    path = Path(weights)
    if weights in PUBLISHED:
        return
    if not path.is_file():
        raise WeightsError(path, "no such file", remedy)
    shapes = check_stored_weights(path, remedy)
    if shapes is not None and not can_fit(network, shapes):
        raise WeightsError(path, f"none of its {len(shapes)} tensors fits {network}", remedy)
