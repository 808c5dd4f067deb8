"""Check received files of tensors: the tensors are not larger than the file states, and are finite numbers."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from system.errors import WeightsError

MAX_NAME_LENGTH = 100  # characters of the name of a network
MAX_EXPANSION = 2  # PyTorch stores its files uncompressed; a larger ratio is a bomb


class Storage(Protocol):
    """The storage of a tensor."""

    def nbytes(self) -> int: ...  # noqa: D102


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
    """Raise WeightsError for a tensor that is larger than its stored data, or has values that are not finite."""
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise WeightsError(path, f"the tensor {name} is larger than its data", remedy)
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(path, f"the tensor {name} has values that are not numbers", remedy)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, as PyTorch writes; False where the archive is damaged."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # of several disks
        return False


def check_expansion(path: Path, remedy: str) -> None:
    """Raise WeightsError for a PyTorch file that unpacks to much more than its size or is damaged."""
    if not is_archive(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise WeightsError(path, "not a PyTorch checkpoint, or a damaged one", remedy) from None
    if size > MAX_EXPANSION * path.stat().st_size:
        raise WeightsError(path, f"unpacks to {size} bytes, more than a checkpoint does", remedy)


def is_library_name(name: str) -> bool:
    """Whether a file may name this network. Not an address: libraries would download a model from there."""
    return len(name) <= MAX_NAME_LENGTH and not set(name) & set(":/\\") and name.isprintable()
