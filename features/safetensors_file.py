"""Files of safetensors: a specification as JSON and tensors, written and read, each fault of a file in one line.

The header is checked before the library reads it: that builds an object for each tensor it lists, and a header of
60 MB can list a million.
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from system.errors import InputError, OptionError, WeightsError, first_line
from system.files import MAX_WEIGHTS_BYTES, check_length, check_regular, write_atomic
from system.tensors import raise_lack_of_memory

if TYPE_CHECKING:
    from torch import Tensor

METADATA_KEY = "defectline"
MAX_HEADER_BYTES = 100_000_000  # the library reads no longer one
MAX_TENSORS = 50_000  # of the large networks of timm and torchvision, resnetrs420 has the most: 3,108
STRINGS_PER_TENSOR = 5  # its name, "dtype", the type, "shape" and "data_offsets"
DAMAGED = "damaged or no PyTorch file"

Spec = TypeVar("Spec", bound=msgspec.Struct)


class UnreadableError(Exception):
    """The reason why a file cannot be safetensors, or must not be read."""


def checked_header(path: Path) -> bytes:
    """The JSON that lists the tensors of a file. Raises UnreadableError, also for too many tensors, and OSError.

    Each tensor takes a brace and five strings, and a quotation mark that begins a string has no backslash before
    it. So these bytes give an upper limit of the tensors, and of all other values that the library would store.
    """
    try:
        check_regular(path)
        size = path.stat().st_size
        check_length(path, size, MAX_WEIGHTS_BYTES)
    except InputError as error:
        raise UnreadableError(error.problem) from None
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size - 8:
            raise UnreadableError(DAMAGED)
        if length > MAX_HEADER_BYTES:
            raise UnreadableError(f"a list of tensors of {length} bytes")
        header = file.read(length)
    strings = header.count(b'"') - header.count(b'\\"')
    if header.count(b"{") > MAX_TENSORS or strings > 2 * STRINGS_PER_TENSOR * MAX_TENSORS:
        raise UnreadableError(f"more than {MAX_TENSORS} tensors")
    return header


def save_with_spec(path: Path, state: Mapping[str, "Tensor"], spec: msgspec.Struct) -> None:
    """Write tensors and specification atomically."""
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}
    write_atomic(path, save(tensors, {METADATA_KEY: msgspec.json.encode(spec).decode()}))


def read_stored_spec(path: Path, kind: type[Spec], room: str, check: Callable[[Spec], None], remedy: str) -> Spec:
    """The specification in a weights file of the trainer `room`.

    Raises WeightsError, also if `check` raises ValueError or OptionError.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(path, "no such weights", "check whether the training finished its first epoch")
    try:
        checked_header(path)
        with safe_open(path, "np") as file:  # "pt" would import PyTorch
            stored = (file.metadata() or {})[METADATA_KEY]
        spec = msgspec.json.decode(stored, type=kind)
        check(spec)
    except (SafetensorError, RuntimeError, OSError, MemoryError) as error:
        raise_lack_of_memory(path, error)
        raise WeightsError(path, f"not weights of {room} ({first_line(error, 80)})", remedy) from None
    except (UnreadableError, KeyError, ValueError, OptionError) as error:
        raise WeightsError(path, f"not weights of {room} ({str(error)[:80]})", remedy) from None
    return spec


def read_tensors(path: Path, remedy: str = "train again") -> dict[str, "Tensor"]:
    """The tensors of a file by name, on the CPU. Raises WeightsError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        checked_header(path)
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, RuntimeError, OSError, MemoryError, UnreadableError) as error:
        raise_lack_of_memory(path, error)
        raise WeightsError(path, f"cannot be read as weights ({first_line(error, 80)})", remedy) from None
    return tensors
