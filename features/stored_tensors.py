"""What a file of weights contains, read without PyTorch: whether it can be weights, and the shapes of its tensors.

Importing PyTorch takes seconds, so a file is refused by its first bytes, its directory and its tensors' names.
What this module cannot read is left to PyTorch.
"""

import io
import json
import pickle
import pickletools
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.safetensors_file import DAMAGED, UnreadableError, checked_header
from features.wrapped_names import plain_names, state_in
from system.errors import WeightsError
from system.tensors import ARCHIVE, LEGACY, check_stored

Shape = tuple[int, ...]
MAX_LIST_BYTES = 64 * 2**20  # of the list of tensors; a longer one is left to PyTorch
MORE_THAN_TENSORS = "it contains more than tensors"
STATE_DICT_CLASSES = re.compile(
    r"collections\.OrderedDict|torch\._utils\._rebuild_(tensor_v2|parameter)|torch\.(storage\.)?\w+Storage"
)
STATE_DICT_OPCODES = re.compile(
    r"PROTO|GLOBAL|(LONG_)?BIN(PUT|GET)|MARK|TUPLE[123]?|EMPTY_(TUPLE|DICT|LIST)|BININT[12]?|LONG1|BINFLOAT"
    r"|BINUNICODE|NEWTRUE|NEWFALSE|NONE|REDUCE|BINPERSID|SETITEMS?|APPENDS?|BUILD|STOP"
)
# Packages of which PyTorch's reader without code accepts something; it refuses all others.
ACCEPTED_PACKAGES = frozenset({"torch", "collections", "builtins", "__builtin__", "_codecs"})


@dataclass(frozen=True, slots=True)
class ListedTensor:
    """A tensor that is only its shape."""

    shape: Shape


def check_stored_weights(path: Path, remedy: str) -> dict[str, Shape] | None:
    """The shapes of the tensors by name, as `plain_names` gives them; None if only PyTorch can list them.

    Raises WeightsError with `remedy` for a file that cannot be a state dict.
    """
    check_stored(path, remedy)
    try:
        stored = _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)
    except _NotWeightsError as error:
        raise WeightsError(path, f"cannot be read as weights ({error})", remedy) from None
    if stored is None:
        return None
    stored = state_in(stored)
    if not isinstance(stored, Mapping) or not all(isinstance(value, ListedTensor) for value in stored.values()):
        raise WeightsError(path, "not a plain state dict of tensors", remedy)
    return plain_names({str(name): value.shape for name, value in stored.items()})


def pickled_classes(path: Path) -> frozenset[str] | None:
    """The classes and functions that a PyTorch archive names, as `module.name`; None if they are not plain."""
    try:
        data = _pickle_in_archive(path)
        return None if data is None else _classes(data)
    except _NotWeightsError:
        return None


class _NotWeightsError(Exception):
    """The reason why a file cannot be weights."""


def _safetensors(path: Path) -> dict[str, ListedTensor]:
    try:
        header = checked_header(path)
        listed = json.loads(header)
        listed.pop("__metadata__", None)
        shapes = {name: ListedTensor(tuple(int(side) for side in one["shape"])) for name, one in listed.items()}
        end = max((one["data_offsets"][1] for one in listed.values()), default=0)
    except UnreadableError as error:
        raise _NotWeightsError(str(error)) from None
    except (ValueError, OverflowError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise _NotWeightsError(DAMAGED) from None
    if end != path.stat().st_size - 8 - len(header):
        raise _NotWeightsError(DAMAGED)
    return shapes


def _torch_file(path: Path) -> object:
    with path.open("rb") as file:
        start = file.read(32)
    if start.startswith(ARCHIVE):
        data = _pickle_in_archive(path)
        return None if data is None else _state_dict(data)
    if start.startswith(LEGACY):
        return None
    raise _NotWeightsError(DAMAGED)


def _pickle_in_archive(path: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [one for one in archive.infolist() if one.filename.endswith("/data.pkl")]
            if not found:
                raise _NotWeightsError(DAMAGED)
            return archive.read(found[0]) if found[0].file_size <= MAX_LIST_BYTES else None
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        raise _NotWeightsError(DAMAGED) from None


def is_plain_class(name: str) -> bool:
    """Whether a plain state dict of tensors may name this class or function."""
    return bool(STATE_DICT_CLASSES.fullmatch(name))


def _classes(data: bytes) -> frozenset[str] | None:
    """The classes and functions that a pickle names; None if it builds their names while it is read."""
    found = set()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "GLOBAL":
                found.add(str(argument).replace(" ", "."))
            elif opcode.name in {"STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}:
                return None
    except ValueError:
        raise _NotWeightsError(DAMAGED) from None
    return frozenset(found)


def _state_dict(data: bytes) -> object:
    """What a pickle contains, with ListedTensor in place of tensors; None if it is not a plain state dict."""
    classes = _classes(data)
    if classes is None:
        return None
    if any(name.split(".")[0] not in ACCEPTED_PACKAGES for name in classes):
        raise _NotWeightsError(MORE_THAN_TENSORS)
    if not all(is_plain_class(name) for name in classes) or not _is_plain(data):
        return None
    try:
        return _ShapeUnpickler(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, ValueError, OverflowError, TypeError, LookupError, AttributeError, EOFError):
        return None


def _is_plain(data: bytes) -> bool:
    """Whether a pickle has only operations of a state dict, and no number of a memory cell beyond its length."""
    for opcode, argument, _ in pickletools.genops(data):
        if not STATE_DICT_OPCODES.fullmatch(opcode.name):
            return False
        if opcode.name.endswith("BINPUT") and isinstance(argument, int) and argument > len(data):
            return False
    return True


class _ShapeUnpickler(pickle.Unpickler):
    """Builds dictionaries, lists and ListedTensor; every other class or function is replaced by a harmless one."""

    def find_class(self, module: str, name: str) -> object:  # noqa: ARG002
        """An ordered dictionary, or what gives the shape of a tensor."""
        if name == "OrderedDict":
            return OrderedDict
        return _parameter if name == "_rebuild_parameter" else _tensor

    def persistent_load(self, pid: object) -> object:  # noqa: ARG002
        """The values of a tensor are not read."""
        return None


def _tensor(_storage: object, _offset: object, shape: Shape, *_other: object) -> ListedTensor:
    return ListedTensor(tuple(int(side) for side in shape))


def _parameter(data: ListedTensor, *_other: object) -> ListedTensor:
    return data
