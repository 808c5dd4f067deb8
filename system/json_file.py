"""Typed JSON files: strict reading, and indented atomic writing."""

from pathlib import Path
from typing import TypeVar

import msgspec

from system.errors import InputError
from system.files import write_atomic

T = TypeVar("T")


def read_json(path: Path, kind: type[T]) -> T:
    """Read a JSON file strictly as `kind`. Raises InputError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise InputError(path, "no such file", "check whether the run was finished") from None
    except msgspec.MsgspecError as error:
        raise InputError(path, f"not as defectline writes it: {error}", "make the run anew") from None


def write_json(path: Path, value: object) -> None:
    """Write JSON, indented for people, atomically."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
