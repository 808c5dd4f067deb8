"""The tensors of a network inside a file of a larger model or of a training: which ones, under which names.

Training loops store a network below a key, such as `model`, and wrappers put words before the names of its
tensors: `module.` by DataParallel, `_orig_mod.` by torch.compile, `backbone.` by the class of a training.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

ValueT = TypeVar("ValueT")
KEYS = ("state_dict", "model_state_dict", "model")  # of checkpoints, the first that is there
TECHNICAL = re.compile(r"(?<![^.])(?:module|_orig_mod)\.")  # no network has a part of these names
WORD = re.compile(r"(?:model|net|network|backbone|body|trunk|encoder)\.")  # some networks have such parts


def state_in(loaded: object) -> object:
    """The state dict in the checkpoint of a training, or `loaded` itself.

    >>> state_in({"epoch": 3, "model": {"conv1.weight": 1}}), state_in({"conv1.weight": 1})
    ({'conv1.weight': 1}, {'conv1.weight': 1})
    """
    if isinstance(loaded, Mapping):
        for key in KEYS:
            if isinstance(loaded.get(key), Mapping):
                return loaded[key]
    return loaded


def plain_names(tensors: Mapping[str, ValueT]) -> dict[str, ValueT]:
    """The tensors under their names without the words of DataParallel and torch.compile, wherever these are.

    The names stay if two tensors would become the same.

    >>> plain_names({"_orig_mod.module.conv1.weight": 1, "model._orig_mod.fc.bias": 2})
    {'conv1.weight': 1, 'model.fc.bias': 2}
    """
    plain = {TECHNICAL.sub("", name): value for name, value in tensors.items()}
    return plain if len(plain) == len(tensors) else dict(tensors)


def prefixes(names: Iterable[str]) -> list[str]:
    """What can be before the names of a network in a larger model: nothing, or words of wrappers, shortest first.

    >>> prefixes(["model.encoder.conv1.weight", "head.weight"])
    ['', 'model.', 'model.encoder.']
    """
    found = {""}
    for name in names:
        end = 0
        while match := WORD.match(name, end):
            end = match.end()
            found.add(name[:end])
    return sorted(found, key=lambda prefix: (len(prefix), prefix))


def below(prefix: str, tensors: Mapping[str, ValueT]) -> dict[str, ValueT]:
    """The tensors whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def network_in(
    tensors: Mapping[str, ValueT], fitting: Callable[[dict[str, ValueT]], int]
) -> tuple[dict[str, ValueT], str]:
    """The part of `tensors` of which most fit, and the prefix that its names had; the shortest such prefix.

    `fitting` counts how many of the tensors it is given fit the wanted network.
    """
    best = max(prefixes(tensors), key=lambda prefix: fitting(below(prefix, tensors)))  # the first of equal ones
    return below(best, tensors), best
