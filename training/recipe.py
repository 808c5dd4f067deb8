"""A recipe: the options of a training in a YAML file, all of them or those that differ from the defaults."""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from system.errors import InputError
from training.options import OptionsT, Values, options_from_flags, options_in_file
from training.trainer import Trainer

T = TypeVar("T", bound=msgspec.Struct)
FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


def read_recipe(path: Path, kind: type[msgspec.Struct]) -> Values:
    """The values in a recipe file, checked to be options of `kind`. Raises InputError, OptionError."""
    values: Values = _read_yaml(path)
    options_in_file(kind, values, path)
    return values


def asked_options(kind: type[T], recipe: Path | None, flags: Mapping[str, object]) -> T:
    """Options from a recipe, if given, overridden by `flags`, the rest at the defaults.

    Raises InputError, OptionError.
    """
    return options_from_flags(kind, read_recipe(recipe, kind) if recipe else {}, flags)


def shipped_recipe(trainer: str) -> str:
    """The text of a trainer's recipe in recipes/: every option at its default, with unit and reason."""
    return (resources.files("recipes") / f"{trainer}.yaml").read_text(encoding="utf-8")


def recipe_of(trainer: Trainer[OptionsT]) -> str:
    """The recipe that `recipe` prints: the shipped one, or, where the trainer ships none, its defaults."""
    if (resources.files("recipes") / f"{trainer.command}.yaml").is_file():
        return shipped_recipe(trainer.command)
    return msgspec.yaml.encode(msgspec.to_builtins(trainer.options())).decode()


def _read_yaml(path: Path) -> Any:
    try:
        values = yaml.load(path.read_bytes(), _Loader)  # noqa: S506  a SafeLoader
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(
            path, f"{line}{error.problem}", "write each option once, as a line of NAME: VALUE"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise InputError(path, "not YAML", "write each option once, as a line of NAME: VALUE") from None
    return {} if values is None else values


class _Loader(yaml.SafeLoader):
    """Safe YAML in which an option given twice is an error and 1e-3 is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are unique texts."""
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if not isinstance(name, str) or name in seen:
                problem = "a name is wanted" if name is None else f"{name} is given twice"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return {str(name): value for name, value in super().construct_mapping(node, deep).items()}


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))
