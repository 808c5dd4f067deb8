"""Strict reading of YAML files that defectline wrote."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from system.errors import InputError
from system.files import read_file
from system.yaml_file import MAX_YAML_BYTES

T = TypeVar("T")


def read_yaml_as(path: Path, value_type: type[T], remedy: str) -> T:
    """Read a YAML file that defectline wrote, strictly as `value_type`.

    Raises InputError with `remedy` if the file does not fit.
    msgspec.yaml uses the parser of libyaml, which crashes on deep nesting; the parser of PyYAML raises
    RecursionError. References inside the file are refused, because they turn few bytes into many values.
    """
    import yaml

    class Plain(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("it has references (*NAME)")
            return super().compose_node(parent, index)

    try:
        return msgspec.convert(yaml.load(read_file(path, MAX_YAML_BYTES), Plain), value_type)  # noqa: S506  a SafeLoader
    except RecursionError:
        raise InputError(path, "nested too deeply", remedy) from None
    except (msgspec.MsgspecError, yaml.YAMLError, ValueError) as error:
        raise InputError(
            path, f"not in the form that defectline writes: {' '.join(str(error).split())}", remedy
        ) from None
