"""The checksums of an export and of the weights that it was made of, beside it: `best.onnx.sha256`.

An exported file is compared with its original when it is made. Later it may be damaged, edited, mixed with another
export, or the weights may be trained further; then `predict --exported` refuses it. The checksums detect
accidents, not an attacker, who can write matching ones. The file has the form of `sha256sum`, which can check
it too.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from system.errors import WeightsError
from system.files import check_regular, write_atomic

SUFFIX = ".sha256"
MAX_BYTES = 4096  # of a record: three lines of 64 digits and a short name


def record_path(path: Path) -> Path:
    """The record of the exported file `path`."""
    return path.with_name(path.name + SUFFIX)


def exported_files(path: Path) -> list[Path]:
    """The files of the export `path`: OpenVINO keeps its numbers in a second file, .bin."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises InputError for a pipe or a device, OSError."""
    check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_record(path: Path, checksums: Mapping[str, str]) -> None:
    """Write the record of the exported file `path`: checksums by file name, of the export and of its weights."""
    lines = [f"{digest}  {name}\n" for name, digest in checksums.items()]
    write_atomic(record_path(path), "".join(lines).encode())


def checksums_of(files: Iterable[Path]) -> dict[str, str]:
    """The checksum of each file by its name. Raises InputError, OSError."""
    return {file.name: checksum(file) for file in files}


def check_record(path: Path, again: str) -> None:
    """Raise WeightsError unless the export `path` and the weights beside it are those of its record.

    `again` is the command that makes the export.
    """
    remedy = f"export it again: {again}"
    recorded = _read(path, remedy)
    files = {file.name for file in exported_files(path)}
    weights = set(recorded) - files
    if not files <= set(recorded) or len(weights) != 1:
        raise WeightsError(record_path(path), "not the record of an export", remedy)
    for name, digest in recorded.items():
        file = path.with_name(name)
        if not file.is_file():
            raise WeightsError(file, "no such file", remedy)
        if checksum(file) == digest:
            continue
        if name in weights:
            raise WeightsError(path, f"made of other weights than {name} contains now", remedy)
        raise WeightsError(file, "changed since it was exported and compared with its original", remedy)


def _read(path: Path, remedy: str) -> dict[str, str]:
    record = record_path(path)
    try:
        check_regular(record)
        with record.open("rb") as file:
            text = file.read(MAX_BYTES).decode()
    except FileNotFoundError:
        raise WeightsError(path, f"without its record {record.name}", remedy) from None
    except UnicodeDecodeError:
        raise WeightsError(record, "not the record of an export", remedy) from None
    pairs = [line.partition("  ")[::2] for line in text.splitlines()]
    if any(os.path.basename(name) != name or name in {"", ".", ".."} for _, name in pairs):  # noqa: PTH119
        raise WeightsError(record, "names a file of another folder", remedy)
    return {name: digest for digest, name in pairs}
