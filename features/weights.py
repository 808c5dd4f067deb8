"""Weights from a file or from the Hugging Face hub, the same for every network."""

import io
import logging
import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from features.stored_tensors import check_stored_weights
from features.wrapped_names import network_in, plain_names, state_in
from system.errors import OptionError, WeightsError, first_line
from system.files import MAX_WEIGHTS_BYTES, read_file
from system.tensors import check_tensors, raise_lack_of_memory

if TYPE_CHECKING:
    from torch import Tensor, nn

LibraryT = TypeVar("LibraryT")


def read_state_dict(path: Path, remedy: str) -> "dict[str, Tensor]":
    """The tensors of a PyTorch file or a .safetensors file by name, as `plain_names` gives them.

    Read with weights_only, so that the file cannot run code. Raises WeightsError with `remedy`.
    """
    from torch import Tensor

    if not path.is_file():
        raise WeightsError(path, "no such file", remedy)
    check_stored_weights(path, remedy)
    data = read_file(path, MAX_WEIGHTS_BYTES)
    try:
        loaded = _decode(data, safe=path.suffix == ".safetensors")
    except Exception as error:  # noqa: BLE001  damaged files can raise any error
        raise_lack_of_memory(path, error)
        reason = (
            "it contains more than tensors"
            if "weights_only" in str(error).lower()
            else "damaged or no PyTorch file"
        )
        raise WeightsError(path, f"cannot be read as weights ({reason})", remedy) from None
    loaded = state_in(loaded)
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(path, "not a plain state dict of tensors", remedy)
    check_tensors(path, loaded, remedy)
    return plain_names({str(name): value for name, value in loaded.items()})


def check_fits(
    path: Path,
    tensors: "Mapping[str, Tensor]",
    build: "Callable[[], nn.Module]",
    *,
    any_shape: Collection[str] = (),
) -> None:
    """Raise WeightsError if the model of `build` has other tensors than `tensors`, before it takes memory.

    Tensors in `any_shape` only have to exist. The model is built on the meta device of PyTorch, on which tensors
    have a size but no values.
    """
    import torch

    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            wanted = {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}
    except OptionError as error:
        if "meta tensors" not in str(error):
            raise
        return  # a few networks need values when they are built
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    given |= {name: wanted[name] for name in any_shape if name in given and name in wanted}
    if wrong := sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name)):
        sizes = f"{wrong[0]} is {given.get(wrong[0], 'missing')} and not {wanted.get(wrong[0], 'expected')}"
        raise WeightsError(path, f"the weights do not fit their model ({sizes})", "train again")


def check_runs(path: Path, network: "nn.Module", rows: int, columns: int) -> None:
    """Raise WeightsError if a network of stored tensors cannot process a black image of this size.

    For tensors whose shapes depend on the training images, which `check_fits` does not compare.
    """
    import torch

    try:
        with torch.inference_mode():
            found = network(torch.zeros(1, 3, rows, columns, dtype=torch.uint8))
        if found.ndim != 3 or not bool(found.isfinite().all()):
            raise ValueError("it gives no map of numbers")
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise_lack_of_memory(path, error)
        problem = f"the weights do not fit their network ({first_line(error, 80)})"
        raise WeightsError(path, problem, "train again") from None


def read_for_libraries(
    path: Path, build: "Mapping[LibraryT, Callable[[], nn.Module]]", what: str, remedy: str
) -> "tuple[LibraryT, dict[str, Tensor], list[str]]":
    """Of the libraries that have a network, the one whose network a file fits best, the first of equal ones.

    Also the tensors of the network in the file, and the line of `report_prefix`. Raises WeightsError.
    """
    read = read_state_dict(path, remedy)
    wanted = {library: make().state_dict() for library, make in build.items()}
    found = {library: network_in(read, partial(count_fitting, wanted[library])) for library in build}
    best = max(build, key=lambda library: count_fitting(wanted[library], found[library][0]))
    tensors, prefix = found[best]
    return best, tensors, report_prefix(what, path, prefix, len(tensors))


def count_fitting(wanted: "Mapping[str, Tensor]", given: "Mapping[str, Tensor]") -> int:
    """How many tensors of `given` have the name and the shape of one that is wanted."""
    return sum(name in wanted and value.shape == wanted[name].shape for name, value in given.items())


def report_prefix(what: str, path: Path, prefix: str, count: int) -> list[str]:
    """The line for the user about tensors that are those below a prefix of the file's names; none without one."""
    return [f"{what}: the {count} tensors of {path.name} below {prefix.rstrip('.')}"] if prefix else []


def part_names(tensors: Iterable[str]) -> str:
    """The parts of a network that the tensors belong to: the first words of their names."""
    return ", ".join(sorted({name.split(".")[0] for name in tensors}))


def prepare_hub() -> None:
    """Offline, make the hub client read only its cache and fail immediately instead of trying six times."""
    import huggingface_hub.constants as hub

    if not _reachable(hub.ENDPOINT):
        hub.HF_HUB_OFFLINE = True
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _decode(data: bytes, *, safe: bool) -> object:
    import torch

    if safe:
        from safetensors.torch import load

        return load(data)
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _reachable(endpoint: str) -> bool:
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 443), timeout=3).close()
    except OSError:
        return False
    return True
