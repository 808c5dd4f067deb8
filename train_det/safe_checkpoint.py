"""Read Ultralytics checkpoints without running code from them.

A checkpoint is a pickle, which may name any function and call it. The weights-only reader of PyTorch builds only
layers of PyTorch and Ultralytics. Other classes that Ultralytics writes, such as losses and paths, become
`Ignored`. A name outside the lists below is refused unless the user trusts the file.
"""

import os
import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from system.errors import WeightsError
from system.tensors import raise_lack_of_memory
from train_det.checkpoint_classes import LAYERS, RENAMED, TRUST, UNUSED, check_is_checkpoint, unknown_class
from train_det.options import WEIGHTS_REMEDY as REMEDY

ACTIVATION = re.compile(r"(torch\.)?nn\.[A-Z]\w*\((inplace=)?(True|False|[\d.]*)\)")
MAX_LAYERS, MAX_REPEATS, MAX_NUMBER = 300, 100, 100_000


class Ignored:
    """Replaces an object of a checkpoint that is not needed."""

    def __init__(self, *_args: object) -> None:
        """Drop the arguments."""

    def __setstate__(self, state: object) -> None:
        """Drop the attributes."""


def read_checkpoint(path: Path) -> dict[str, object]:
    """The content of a checkpoint. Raises WeightsError, also for one that contains more than known classes."""
    check_is_checkpoint(path)
    try:
        if os.environ.get(TRUST) == "1":
            content = torch.load(path, map_location="cpu", weights_only=False)
        else:
            with torch.serialization.safe_globals(_known_classes(path)):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001  damaged files can raise any error
        raise_lack_of_memory(path, error)
        raise WeightsError(path, "contains no Ultralytics model", REMEDY) from None
    if not isinstance(content, dict):
        raise WeightsError(path, "contains no Ultralytics model", REMEDY)
    return content


def check_architecture(path: Path, described: object) -> dict[str, object]:
    """`described`, the YAML of a model, if Ultralytics can build it from layers alone. Raises WeightsError.

    Ultralytics evaluates the activation as Python, and accepts any name in its module as a layer.
    """
    described = described if isinstance(described, dict) else {}
    try:
        rows = [*described["backbone"], *described["head"]]
        activation = described.get("activation")
        known = len(rows) <= MAX_LAYERS and all(_is_layer(row[2]) and 0 <= row[1] <= MAX_REPEATS for row in rows)
        known = known and _small([described, rows])
        known = known and (activation is None or bool(ACTIVATION.fullmatch(activation)))
    except (KeyError, TypeError, IndexError, RecursionError):
        known = False
    if not known:
        raise WeightsError(path, "describes a model with unknown layers", REMEDY)
    return dict(described)


def _known_classes(path: Path) -> list[Any]:
    """The classes that the reader may build, each with its name in the file. Raises WeightsError."""
    entries: list[Any] = []
    for name in sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)):
        resolved: type[object] | None = (
            _layer(RENAMED.get(name, name)) if name in RENAMED or LAYERS.fullmatch(name) else None
        )
        if resolved is None and UNUSED.fullmatch(name):
            resolved = Ignored
        if resolved is None:
            raise unknown_class(path, name)
        entries.append((resolved, name))
    return entries


def _layer(name: str) -> type[nn.Module] | None:
    module, _, attribute = name.rpartition(".")
    try:
        resolved = getattr(import_module(module), attribute, None)
    except ImportError:
        return None
    return resolved if isinstance(resolved, type) and issubclass(resolved, nn.Module) else None


def _is_layer(name: str) -> bool:
    if name == "TorchVision":  # downloads a model
        return False
    full = f"torch.{name}" if name.startswith("nn.") else f"ultralytics.nn.modules.{name}"
    return full.count(".") <= 3 and _layer(full) is not None


def _small(values: Iterable[object]) -> bool:
    for value in values:
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            return False
        if isinstance(value, dict) and not _small(value.values()):
            return False
        if isinstance(value, list | tuple) and not _small(value):
            return False
    return True
