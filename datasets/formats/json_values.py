"""Access decoded JSON of labelling tools with errors that name the place."""

from pathlib import Path

import msgspec

from datasets.formats.coco_lenient import find_non_finite
from datasets.formats.labelme import read_json
from system.errors import InputError
from system.files import BYTE_ORDER_MARK

Object = dict[str, object]


def read_json_value(path: Path) -> object:
    """Decode a JSON file. Raises InputError if it is not valid JSON."""
    data = read_json(path)
    try:
        return msgspec.json.decode(data.removeprefix(BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = find_non_finite(data) or str(error)
        raise InputError(path, f"not valid JSON in UTF-8: {reason}", "export it again") from None
    except RecursionError:
        raise InputError(path, "nested too deeply", "remove it, no labelling tool writes this") from None


def as_object(path: Path, where: str, value: object) -> Object:
    """Check for a JSON object. Raises InputError for another type."""
    if isinstance(value, dict):
        return value
    raise InputError(path, f"{where} is {kind(value)} where an object is expected", "export it again")


def as_list(path: Path, where: str, value: object) -> list[object]:
    """Check for a JSON list; null is an empty list. Raises InputError for another type."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise InputError(path, f"{where} is {kind(value)} where a list is expected", "export it again")


def as_text(path: Path, where: str, value: object) -> str:
    """Check for a JSON string. Raises InputError for another type."""
    if isinstance(value, str):
        return value
    raise InputError(path, f"{where} is {kind(value)} where text is expected", "export it again")


def kind(value: object) -> str:
    """The JSON name of a value's type."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "an object"),
    )
    return next((name for type_, name in names if isinstance(value, type_)), "null")
