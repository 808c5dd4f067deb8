"""Check received files of tensors: the tensors are not larger than the file states, and are finite numbers."""

import mmap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from system.errors import InputError, WeightsError
from system.files import MAX_WEIGHTS_BYTES, check_length, check_regular
from system.system_fault import is_lack_of_memory

MAX_NAME_LENGTH = 100  # characters of the name of a network
MAX_VIEWS = 8  # bytes of all tensors for each byte in the file: a few networks use a tensor in two places
MAX_PICKLE_BYTES = 16 * 2**20  # of the list of tensors; that of a resume state of YOLO11n has 0.3 MiB
LIST_NAME = "data.pkl"
MAX_EXPANSION = 2  # PyTorch stores its files uncompressed; a larger ratio is a bomb
ARCHIVE = b"PK\x03\x04"
LEGACY = (b"\x80", b"L119547037146038801333356L")  # how files of old versions begin: a pickled magic number
MEMORY_REMEDY = "close other programs, or raise the limit of memory (ulimit -v)"
GROWING = b"bytearray\n"  # in a pickle: the only class that takes memory by a number, without data in the file


class Storage(Protocol):
    """The storage of a tensor."""

    def nbytes(self) -> int: ...  # noqa: D102
    def data_ptr(self) -> int: ...  # noqa: D102


class Truths(Protocol):
    """A tensor of booleans."""

    def all(self) -> object: ...  # noqa: D102


class StoredTensor(Protocol):
    """A tensor of PyTorch, which this package does not import."""

    def numel(self) -> int: ...  # noqa: D102
    def element_size(self) -> int: ...  # noqa: D102
    def untyped_storage(self) -> Storage: ...  # noqa: D102
    def is_floating_point(self) -> bool: ...  # noqa: D102
    def isfinite(self) -> Truths: ...  # noqa: D102


def check_tensors(path: Path, tensors: Mapping[str, StoredTensor], remedy: str = "train again") -> None:
    """Raise WeightsError for a tensor that is larger than its stored data, or has values that are not finite.

    Also for one without plain values: sparse, quantized or without data; and if so many tensors are views of the
    same data that looking at all their values would take hours.
    """
    used, stored, at_place = 0, 0, dict[int, int]()
    for name, tensor in tensors.items():
        try:
            size, storage = tensor.numel() * tensor.element_size(), tensor.untyped_storage()
            too_large = size > storage.nbytes()
            used += size
            place = storage.data_ptr()  # that of an empty tensor can be the one of the next tensor, too
            stored += max(0, storage.nbytes() - at_place.get(place, 0))
            at_place[place] = max(storage.nbytes(), at_place.get(place, 0))
            if not too_large and used > MAX_VIEWS * stored:
                raise WeightsError(path, f"its tensors, such as {name}, are the same data many times", remedy)
            finite = too_large or not tensor.is_floating_point() or bool(tensor.isfinite().all())
        except RuntimeError as error:
            raise_lack_of_memory(path, error)
            raise WeightsError(path, f"the tensor {name} is not an ordinary one", remedy) from None
        if too_large:
            raise WeightsError(path, f"the tensor {name} is larger than its data", remedy)
        if not finite:
            raise WeightsError(path, f"the tensor {name} has values that are not numbers", remedy)


def raise_lack_of_memory(path: Path, error: Exception, purpose: str = "read") -> None:
    """Raise WeightsError if `error` states that there was not enough memory to read `path`; it is not damaged.

    With the `purpose` run, `path` is an exported network.
    """
    if is_lack_of_memory(error):
        raise WeightsError(path, f"not enough memory to {purpose} it", MEMORY_REMEDY) from None


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, as PyTorch writes; False where the archive is damaged."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # of several disks
        return False


def check_stored(path: Path, remedy: str, *, archive: bool = False) -> None:
    """Raise WeightsError for a PyTorch file that would take much more memory than its size, or is damaged.

    With `archive`, also for one that is not a zip archive, as PyTorch wrote until 2020.
    """
    damaged = WeightsError(path, "not a PyTorch checkpoint, or a damaged one", remedy)
    try:
        check_regular(path)
        check_length(path, path.stat().st_size, MAX_WEIGHTS_BYTES)
        if not is_archive(path):
            if archive:
                raise damaged
        else:
            with zipfile.ZipFile(path) as file:
                members = file.infolist()
                size = sum(member.file_size for member in members)
                if size > MAX_EXPANSION * path.stat().st_size:
                    raise WeightsError(path, f"unpacks to {size} bytes, more than a checkpoint does", remedy)
                lists = [one.file_size for one in members if one.filename.endswith(f"/{LIST_NAME}")]
                if max(lists, default=0) > MAX_PICKLE_BYTES:
                    raise WeightsError(path, f"a list of tensors of {max(lists)} bytes", remedy)
                if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                    raise WeightsError(path, "compressed, which PyTorch does not do", remedy)
                if file.testzip() is not None:  # PyTorch does not compare the checksums
                    raise damaged
        grows = _contains(path, GROWING)
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError):  # RuntimeError: an encrypted archive
        raise damaged from None
    except InputError as error:
        raise WeightsError(path, error.problem, remedy) from None
    if grows:
        raise WeightsError(path, "contains more than tensors (bytearray)", remedy)


def _contains(path: Path, part: bytes) -> bool:
    """Whether an archive, or a file of an old version, contains `part`."""
    with path.open("rb") as file:
        if not file.read(32).startswith((ARCHIVE, *LEGACY)):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(part) >= 0


def check_library_name(name: str) -> None:
    """Raise ValueError if a file may not name this network, see `is_library_name`."""
    if not is_library_name(name):
        raise ValueError(f"no network is called {name!a}")


def is_library_name(name: str) -> bool:
    """Whether a file may name this network. Not an address: libraries would download a model from there."""
    return len(name) <= MAX_NAME_LENGTH and not set(name) & set(":/\\") and name.isprintable()
