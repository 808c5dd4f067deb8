"""Typed JSON files: strict reading, and indented atomic writing."""

from pathlib import Path
from typing import TypeVar

import msgspec

from system.errors import InputError
from system.files import read_file, write_atomic

T = TypeVar("T")
MAX_JSON_BYTES = 2**28  # 256 MiB: the images of a split, of which a million have 60 MB, and numbers


def read_json(path: Path, value_type: type[T], *, remedy: str = "make the run again") -> T:
    """Read a JSON file strictly as `value_type`.

    Raises InputError, with `remedy`, for content that does not fit the type, and for a missing file.
    """
    try:
        return msgspec.json.decode(read_file(path, MAX_JSON_BYTES), type=value_type)
    except FileNotFoundError:
        raise InputError(path, "no such file", "check whether the run was finished") from None
    except UnicodeDecodeError:
        raise InputError(path, "not in UTF-8", remedy) from None
    except RecursionError:
        raise InputError(path, "nested too deeply", remedy) from None
    except msgspec.MsgspecError as error:
        raise InputError(path, f"not in the form that defectline writes: {error}", remedy) from None


def format_json(value: object) -> bytes:
    """JSON indented by two spaces, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically."""
    write_atomic(path, format_json(value))
