"""Tensors of a received file: whole, finite and of the sizes that its model has, before a model is built."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from system.errors import OptionError, WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_NAME_LENGTH = 100  # characters of the name of a network
MAX_EXPANSION = 2  # PyTorch stores its files uncompressed; a larger ratio is a bomb


def check_tensors(path: Path, tensors: "Mapping[str, Tensor]", remedy: str = "train again") -> None:
    """Raise WeightsError for a tensor that is larger than what is stored of it, or that is not finite."""
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise WeightsError(path, f"the tensor {name} is larger than its data", remedy)
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(path, f"the tensor {name} has values that are not numbers", remedy)


def check_expansion(path: Path, remedy: str) -> None:
    """Raise WeightsError for a PyTorch file that unpacks to much more than its size, or is a damaged archive."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise WeightsError(path, "not a PyTorch checkpoint, or a damaged one", remedy) from None
    if size > MAX_EXPANSION * path.stat().st_size:
        raise WeightsError(path, f"unpacks to {size} bytes, more than a checkpoint does", remedy)


def check_fits(path: Path, tensors: "Mapping[str, Tensor]", build: "Callable[[], nn.Module]") -> None:
    """Raise WeightsError where the model of `build` has other tensors than `tensors`, before it takes memory.

    The model is built on PyTorch's meta device, where tensors have a size and no values.
    """
    import torch

    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            wanted = {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}
    except OptionError as error:
        if "meta tensors" not in str(error):
            raise
        return  # a few networks of the libraries compute with values when they are built
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wrong := sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name)):
        sizes = f"{wrong[0]} is {given.get(wrong[0], 'missing')} and not {wanted.get(wrong[0], 'expected')}"
        raise WeightsError(path, f"the weights do not fit their model ({sizes})", "train again")


def is_library_name(name: str) -> bool:
    """Whether a file may name this network: libraries download models whose name is an address."""
    return len(name) <= MAX_NAME_LENGTH and not set(name) & set(":/\\") and name.isprintable()
