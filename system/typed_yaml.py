"""Strict reading of YAML files that defectline wrote."""

from pathlib import Path
from typing import TypeVar

import msgspec

from system.errors import InputError
from system.files import read_file
from system.yaml_file import MAX_YAML_BYTES, load_yaml

T = TypeVar("T")


def read_yaml_as(path: Path, value_type: type[T], remedy: str) -> T:
    """Read a YAML file that defectline wrote, strictly as `value_type`.

    Raises InputError with `remedy` if the file does not fit.
    msgspec.yaml uses the parser of libyaml, which crashes on deep nesting; `PlainLoader` limits it and refuses
    references inside the file, because they turn few bytes into many values.
    """
    from system.yaml_loader import PlainLoader

    try:
        return msgspec.convert(load_yaml(read_file(path, MAX_YAML_BYTES), PlainLoader), value_type)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(
            path, f"not in the form that defectline writes: {' '.join(str(error).split())}", remedy
        ) from None
