"""A recipe: the options of a training in a YAML file, all of them or those that differ from the defaults."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from system.yaml_file import read_yaml_options
from training.options import OptionsT, Values, options_from_flags, options_in_file
from training.trainer import Trainer

T = TypeVar("T", bound=msgspec.Struct)


def read_recipe(path: Path, kind: type[msgspec.Struct]) -> Values:
    """The values in a recipe file, checked to be options of `kind`. Raises InputError, OptionError."""
    values = read_yaml_options(path, "write each option once, as a line of NAME: VALUE")
    options_in_file(kind, values, path)
    assert isinstance(values, dict)  # other content was refused
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
