"""Read labelme's JSON files, every version since 2017, strictly.

Coordinates are in pixels of the upright image and continuous: pixel i covers i to i + 1.
Source: https://github.com/wkentaro/labelme, `labelme/_label_file.py`. Files before 4.0 have neither `shape_type`
nor `imageHeight`, those before 3.0 no `version`, those before 5.0 no `description`, those before 5.3 no `mask`.
"""

import base64
import json
from pathlib import Path
from typing import Annotated

import msgspec

from datasets.formats.labelme_foreign import is_isat, to_labelme
from system.errors import InputError
from system.files import BYTE_ORDER_MARK, has_suffix, read_file

SUFFIX = ".json"
SUFFIXES = frozenset({SUFFIX})
VERSION = "6.3.1"  # the labelme version whose files we write
MAX_COORDINATE = 1e9
PROPOSED = "defectline_proposed"  # the key of a proposed shape
RECORD = "defectline"  # the key of `annotate propose`; labelme keeps it and does not read it

Coordinate = Annotated[float, msgspec.Meta(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
Point = tuple[Coordinate, Coordinate]


class Shape(msgspec.Struct, frozen=True):
    """One drawn shape. The meaning of `points` (x, y in pixels) depends on `shape_type`; None is a polygon.

    `labelme_shape_types` lists the types. The points of a mask are the first and the last pixel of its box, and
    `mask` is a PNG of that box in base64. AnyLabeling and X-AnyLabeling mark shapes as `difficult`. `proposed` is
    the mark of `labelme_proposal`.
    """

    label: str
    points: list[Point]
    group_id: int | None = None
    description: str | None = None
    shape_type: str | None = None
    flags: dict[str, bool] | None = None
    mask: str | None = None
    difficult: bool = False
    proposed: object = msgspec.field(default=None, name=PROPOSED)

    @property
    def kind(self) -> str:
        """The shape type; a missing one is a polygon, as in labelme."""
        return self.shape_type or "polygon"

    def read_points(self) -> list[Point]:
        """The points, by the name that they have where a file is read without them."""
        return self.points


class LabelmeFile(msgspec.Struct, frozen=True):
    """One JSON file.

    `image_path` is relative to it and may contain backslashes; `image_data` is an image in base64.
    `record` is what `annotate propose` noted.
    """

    shapes: list[Shape]
    version: str | None = None
    flags: dict[str, bool] | None = None
    image_path: str | None = msgspec.field(default=None, name="imagePath")
    image_data: str | None = msgspec.field(default=None, name="imageData")
    image_height: int | None = msgspec.field(default=None, name="imageHeight")
    image_width: int | None = msgspec.field(default=None, name="imageWidth")
    record: object = msgspec.field(default=None, name=RECORD)


_DECODER = msgspec.json.Decoder(LabelmeFile)


def is_labelme(path: Path | str) -> bool:
    """Whether `path` is named like a labelme file; hidden files are not."""
    return has_suffix(path, SUFFIXES)


def read_labelme(path: Path) -> LabelmeFile:
    """Read one labelme file. Raises InputError with file, JSON path and value if it is missing or not valid."""
    return parse_labelme(path, read_json(path))


def read_json(path: Path | str) -> bytes:
    """The bytes of a JSON file. Raises InputError if it does not exist."""
    try:
        return read_file(path)
    except FileNotFoundError:
        raise InputError(path, "no such file", "check the path") from None
    except IsADirectoryError:
        raise InputError(path, "a folder with the name of a JSON file", "rename it") from None


def parse_labelme(path: Path | str, data: bytes) -> LabelmeFile:
    """Parse `data`, the content of the labelme file `path`.

    Raises InputError with JSON path and value if not valid.
    """
    content = data.removeprefix(BYTE_ORDER_MARK)
    try:
        return _decode(content)
    except msgspec.ValidationError as error:
        # an error without a JSON path: not an object, or one without shapes
        remedy = "correct the value" if "`$" in str(error) else "move it elsewhere if labelme did not write it"
        raise InputError(path, f"not in labelme's format: {error}", remedy) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        where = _find_non_number(data)
        problem = f"{where} is not a number" if where else f"not valid JSON in UTF-8: {error}"
        raise InputError(path, problem, "correct the value or save the file again with labelme") from None
    except RecursionError:
        raise InputError(path, "nested too deeply", "remove it, labelme does not write this") from None


def _decode(content: bytes) -> LabelmeFile:
    try:
        return _DECODER.decode(content)
    except msgspec.ValidationError as error:
        try:
            raw = msgspec.json.decode(content)
        except msgspec.ValidationError:  # such as a number out of range, which has no field name without a type
            raise error from None
        try:
            return msgspec.convert(to_labelme(raw), LabelmeFile)
        except msgspec.ValidationError as remaining:
            if is_isat(raw):
                raise msgspec.ValidationError(f"in ISAT's layout, read as labelme's: {remaining}") from None
            raise error from None


def needs_repair(data: bytes) -> bool:
    """Whether a readable file differs from labelme's own format (see `labelme_foreign`)."""
    try:
        _DECODER.decode(data.removeprefix(BYTE_ORDER_MARK))
    except msgspec.ValidationError:
        return True
    return False


def embedded_image(path: Path | str, file: LabelmeFile) -> bytes:
    """Decode `$.imageData` of `file`, which was read from `path`. Raises InputError if it is not base64."""
    try:
        return base64.b64decode(file.image_data or "", validate=True)
    except ValueError as error:
        raise InputError(path, f"$.imageData is not base64: {error}", "save the file again with labelme") from None


def encode_raw(raw: dict[str, object]) -> bytes:
    """Encode a JSON object as labelme does: indented by two, keys in their order, UTF-8."""
    return json.dumps(raw, ensure_ascii=False, indent=2).encode()


def _find_non_number(data: bytes) -> str | None:
    """JSON path of the first NaN or Infinity literal, which Python writes although JSON has none."""

    class NonNumber(str):
        __slots__ = ()

    def walk(value: object, path: str) -> str | None:
        if isinstance(value, NonNumber):
            return f"{path} ({value})"
        items: list[tuple[str, object]] = []
        if isinstance(value, dict):
            items = [(f"{path}.{key}", inner) for key, inner in value.items()]
        elif isinstance(value, list):
            items = [(f"{path}[{i}]", inner) for i, inner in enumerate(value)]
        return next((found for where, inner in items if (found := walk(inner, where))), None)

    try:
        return walk(json.loads(data, parse_constant=NonNumber), "$")
    except (ValueError, RecursionError):
        return None
