"""Edit a labelme file: unknown keys are kept, and changes made by others meanwhile are not overwritten."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.formats.labelme import (
    PROPOSED,
    VERSION,
    LabelmeFile,
    Point,
    Shape,
    encode_raw,
    needs_repair,
    parse_labelme,
    read_json,
)
from datasets.formats.labelme_foreign import is_isat, to_labelme
from system.errors import InputError, OutputError
from system.files import write_atomic


class Document(msgspec.Struct, frozen=True):
    """A labelme file as read: `file` is its typed content, `raw` all of it, `sha256` the hash of its bytes.

    `sha256` is None for a file that does not exist yet.
    """

    path: Path
    file: LabelmeFile
    raw: dict[str, object]
    sha256: str | None


class _WrittenShape(msgspec.Struct, frozen=True):
    """A shape with every key in labelme's order; labelme has no `difficult`."""

    label: str
    points: list[Point]
    group_id: int | None
    description: str | None
    shape_type: str
    flags: dict[str, bool]
    mask: str | None
    difficult: bool | msgspec.UnsetType


class _WrittenFile(msgspec.Struct, frozen=True, rename="camel"):
    """A file with every key in labelme's order."""

    version: str
    flags: dict[str, bool]
    shapes: list[_WrittenShape]
    image_path: str
    image_data: str | None
    image_height: int
    image_width: int


def read_document(path: Path) -> Document:
    """Read a labelme file for editing. Raises InputError as `read_labelme` does."""
    data = read_json(path)
    file = parse_labelme(path, data)
    try:
        raw: object = json.loads(data.decode("utf-8-sig"))
        if is_isat(raw):
            raise InputError(
                path, "an ISAT file, not a labelme file", "convert it with labelme2coco and coco2labelme"
            )
        raw = to_labelme(raw) if needs_repair(data) else raw
    except UnicodeDecodeError as error:  # in a value that is not read
        raise InputError(path, f"not UTF-8: {error}", "save the file again with labelme") from None
    assert isinstance(raw, dict)  # parse_labelme refuses other content
    return Document(path, file, raw, hashlib.sha256(data).hexdigest())


def new_document(path: Path, image_path: str, height: int, width: int) -> Document:
    """A labelme file without shapes for an image of height x width pixels, to be written to `path`."""
    file = LabelmeFile([], VERSION, {}, image_path, None, height, width)
    raw = msgspec.to_builtins(file)
    # labelme's own order of keys
    order = ("version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth")
    return Document(path, file, {key: raw[key] for key in order}, None)


def encode_document(image_path: str, height: int, width: int, shapes: Sequence[Shape]) -> bytes:
    """The bytes of a new labelme file with `shapes`, as `write_document` writes it, much faster.

    The one difference is how numbers below 0.0001 are written: 0.00001 instead of 1e-05.
    """
    written = []
    for s in shapes:
        difficult = s.difficult or msgspec.UNSET
        shape = (s.label, s.points, s.group_id, s.description, s.kind, s.flags or {}, s.mask, difficult)
        written.append(_WrittenShape(*shape))
    file = _WrittenFile(VERSION, {}, written, image_path, None, height, width)
    return msgspec.json.format(msgspec.json.encode(file), indent=2)


def shape_to_raw(shape: Shape) -> dict[str, object]:
    """A shape as labelme writes it: with every key, and with type and flags that are not null."""
    whole = msgspec.structs.replace(shape, shape_type=shape.kind, flags=shape.flags or {})
    raw: dict[str, object] = msgspec.to_builtins(whole)
    raw["points"] = [list(point) for point in shape.points]
    if not shape.difficult:  # labelme has no such key
        del raw["difficult"]
    if shape.proposed is None:
        del raw[PROPOSED]
    return raw


def raw_shapes(document: Document) -> list[dict[str, object]]:
    """The shapes in the raw content of `document`, in their order and with all their keys."""
    shapes = document.raw["shapes"]
    assert isinstance(shapes, list)  # parse_labelme refuses other content
    return shapes


def with_shapes(document: Document, shapes: Sequence[Shape]) -> dict[str, object]:
    """The raw content of `document` with `shapes` appended to its own."""
    return {**document.raw, "shapes": [*raw_shapes(document), *map(shape_to_raw, shapes)]}


def write_document(document: Document, raw: dict[str, object]) -> None:
    """Write `raw` in place of `document`, atomically. Raises OutputError if the file changed since it was read."""
    path = document.path
    now = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
    if now != document.sha256:
        raise OutputError(path, "changed on disk since it was read", "run the command again")
    write_atomic(path, encode_raw(raw))
