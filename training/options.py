"""Options of a training as one typed value, filled from a file or flags; errors name the option.

The type is a frozen msgspec struct with a default for everything; blocks of options are structs in it. An option
is known by its path, like `optimisation.lr`, and on the command line by the last part of the path, which is
unique.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    LiteralType,
    StrType,
    StructType,
    TupleType,
    Type,
    UnionType,
    type_info,
)

from evaluate.run_folder import Run, read_config
from system.errors import OptionError

T = TypeVar("T", bound=msgspec.Struct)
Values = dict[str, object]
Label = Callable[[str, str], str]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Fraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
Gamma = Annotated[float, msgspec.Meta(ge=0.1, le=4)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
Tile = Annotated[int, msgspec.Meta(ge=0, le=65_536)]
MIN_TILE = 32  # pixels
Precision = Literal["auto", "32", "bf16"]
Logger = Literal["none", "tensorboard", "mlflow", "wandb"]

UNKNOWN = "Object contains unknown field `"


class SharedOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options that every trainer has; a trainer's own options are a subclass with its defaults.

    `negatives` is all, a count, or a ratio to the defective images; `paste` the number of pasted training
    images; `patience` the number of epochs without a better `monitor` value after which the training ends (0:
    never). With a `usual_length`, `epochs` may be 0: a new run decides it by its images. An option that a trainer
    cannot offer is narrowed to its one value, such as `paste: Literal[0] = 0`; it then has no flag.
    """

    usual_length: ClassVar[tuple[int, int] | None] = None  # epochs, and the steps that these have at least

    epochs: Positive = 1
    batch: Positive = 8
    device: str = "auto"
    seed: Seed = 0
    workers: Natural = 0
    negatives: str = "0.5"
    paste: Natural = 0
    monitor: str = "loss"
    patience: Natural = 0
    precision: Precision = "auto"
    logger: Logger = "none"


OptionsT = TypeVar("OptionsT", bound=SharedOptions)


def option_types(kind: type[msgspec.Struct]) -> dict[str, Type]:
    """Path of every option of `kind` -> its type, in the order of definition; blocks are not listed themselves."""
    return {
        path: value_type
        for path, value_type in _walk(_type_of(kind), "")
        if not isinstance(value_type, StructType)
    }


def options_in_file(kind: type[T], values: object, path: Path) -> T:
    """Options from the content of the file at `path`. Raises OptionError, which names the file."""
    return _options(kind, values, lambda option, value: f"{path}: {option}{value and f' = {value}'}")


def options_from_flags(kind: type[T], values: Values, flags: Mapping[str, object]) -> T:
    """Options from `values`, already checked, overridden by `flags` (last part of a path -> value).

    Raises OptionError, which names the flag.
    """
    merged = _copy(values)
    paths = flag_paths(kind)
    for flag, value in flags.items():
        *blocks, name = paths[flag].split(".")
        block = merged
        for part in blocks:
            inner = block.setdefault(part, {})
            assert isinstance(inner, dict)  # a block of options
            block = inner
        block[name] = value
    return _options(kind, merged, lambda option, value: f"{_flag(option)} {value}")


def flag_paths(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Last part of each option's path -> the path."""
    return {path.rpartition(".")[2]: path for path in option_types(kind)}


def option_defaults(kind: type[msgspec.Struct]) -> dict[str, object]:
    """Last part of each option's path -> its default, without the options that allow one value only."""
    return {
        path.rpartition(".")[2]: _default(kind, path)
        for path, value_type in option_types(kind).items()
        if not (isinstance(value_type, LiteralType) and len(value_type.values) == 1)
    }


def allowed(value_type: Type) -> str:
    """The values that an option of this type takes, in words that complete `give ...`."""
    if isinstance(value_type, UnionType):
        return " or ".join(allowed(one) for one in value_type.types)
    if isinstance(value_type, LiteralType):
        return ("one of " if len(value_type.values) > 1 else "") + ", ".join(
            str(value) for value in value_type.values
        )
    if isinstance(value_type, IntType | FloatType):
        return ("a whole number" if isinstance(value_type, IntType) else "a number") + _bounds(value_type)
    if isinstance(value_type, TupleType):
        return f"a list of {len(value_type.item_types)}, each {allowed(value_type.item_types[0])}"
    if isinstance(value_type, StructType):
        return f"a block of options ({', '.join(field.name for field in value_type.fields)})"
    return "true or false" if isinstance(value_type, BoolType) else "a text"


def _options(kind: type[T], values: object, label: Label) -> T:
    if not isinstance(values, dict):
        raise OptionError(label("", "").rstrip(": "), "not a list of options", "write lines of NAME: VALUE")
    values = _numbers_as_text(values, _type_of(kind))
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise _explained(kind, values, str(error), label) from None
    except OptionError as error:  # of several options together, raised by the struct itself
        option = str(error.where)
        raise OptionError(label(option, _shown(kind, values, option)), error.problem, error.remedy) from None


_type_of = cache(type_info)


def _explained(kind: type[msgspec.Struct], values: Values, message: str, label: Label) -> OptionError:
    problem, _, place = message.partition(" - at `$.")
    path = place.rstrip("`").split("[")[0]
    if problem.startswith(UNKNOWN):
        option = ".".join(part for part in (path, problem.removeprefix(UNKNOWN).rstrip("`")) if part)
        return OptionError(label(option, ""), "no such option", _nearest(kind, option))
    if path not in dict(_walk(_type_of(kind), "")):
        return OptionError(label(path, ""), problem, "write each option as a line of NAME: VALUE")
    wanted = allowed(dict(_walk(_type_of(kind), ""))[path])
    return OptionError(label(path, _shown(kind, values, path)), "not a value it takes", f"give {wanted}")


def _nearest(kind: type[msgspec.Struct], option: str) -> str:
    every = list(dict(_walk(_type_of(kind), "")))
    by_name = {path.rpartition(".")[2]: path for path in reversed(every)}
    name = option.rpartition(".")[2].replace("-", "_")
    whole = difflib.get_close_matches(option.replace("-", "_"), every, 1, 0.75)
    last = difflib.get_close_matches(name, by_name, 1, 0.6)
    if name in by_name or (last and not whole):
        return f"did you mean {by_name[last[0]]}?"
    return f"did you mean {whole[0]}?" if whole else f"the options are {', '.join(option_types(kind))}"


def _walk(value_type: Type, prefix: str) -> Iterator[tuple[str, Type]]:
    if isinstance(value_type, StructType):
        for field in value_type.fields:
            yield prefix + field.name, field.type
            yield from _walk(field.type, f"{prefix}{field.name}.")


def _numbers_as_text(values: Values, value_type: Type) -> Values:
    """`values` with numbers as text where the option is a text: `negatives: 0.5`, `device: 0`, `precision: 32`."""
    fields = {field.name: field.type for field in value_type.fields} if isinstance(value_type, StructType) else {}
    changed = dict(values)
    for name, value in values.items():
        wanted = fields.get(name)
        if isinstance(value, dict) and isinstance(wanted, StructType):
            changed[name] = _numbers_as_text(value, wanted)
        elif _is_text(wanted) and type(value) in {int, float}:
            changed[name] = str(value)
    return changed


def _is_text(wanted: Type | None) -> bool:
    if isinstance(wanted, LiteralType):
        return all(isinstance(value, str) for value in wanted.values)
    return isinstance(wanted, StrType)


def _shown(kind: type[msgspec.Struct], values: Values, option: str) -> str:
    given: Any = values
    for part in option.split("."):
        if not isinstance(given, dict) or part not in given:
            return str(_default(kind, option))
        given = given[part]
    return str(given)


def _default(kind: type[msgspec.Struct], option: str) -> object:
    value: object = kind()
    for part in option.split("."):
        value = getattr(value, part)
    return value


def _copy(values: Values) -> Values:
    return {name: _copy(value) if isinstance(value, dict) else value for name, value in values.items()}


def _flag(option: str) -> str:
    return "--" + option.rpartition(".")[2].replace("_", "-")


def _bounds(value_type: IntType | FloatType) -> str:
    limits = []
    if value_type.gt is not None:
        limits.append(f"above {value_type.gt:g}")
    if value_type.ge is not None:
        limits.append(f"of at least {value_type.ge:g}")
    if value_type.le is not None:
        limits.append(f"of at most {value_type.le:g}")
    if value_type.lt is not None:
        limits.append(f"below {value_type.lt:g}")
    words = f" {' and '.join(limits)}" if limits else ""
    return words + (f", a multiple of {value_type.multiple_of:g}" if value_type.multiple_of else "")


def run_options(run: Run, kind: type[T]) -> T:
    """The options of a run as its trainer types them. Raises InputError, OptionError."""
    return options_in_file(kind, read_config(run.root).options, run.config)
